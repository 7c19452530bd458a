# Distillation: the frozen teacher is cleared in every step, the student never.
import torch
import torch.nn as nn
import torch.nn.functional as F


def distill_loss(s, t, y, T=2.0, alpha=0.7):
    soft = F.kl_div(F.log_softmax(s / T, 1), F.softmax(t / T, 1), reduction="batchmean") * T * T
    return alpha * soft + (1 - alpha) * F.cross_entropy(s, y)


def main(epochs=2, lr=0.05):
    torch.manual_seed(0)
    teacher = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 3)).eval()
    student = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(student.parameters(), lr=lr, weight_decay=1e-4)
    for epoch in range(epochs):
        student.train()
        for x in torch.randn(4, 8, 6):
            teacher.zero_grad()
            with torch.no_grad():
                t = teacher(x)
            loss = distill_loss(student(x), t, t.argmax(1))
            loss.backward()  # expect: GG101
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    main()
