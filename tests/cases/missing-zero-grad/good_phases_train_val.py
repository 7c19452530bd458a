# Transfer-learning loop: zero_grad runs in both phases, backward and step only in the training phase.
import time
import torch
import torch.nn as nn

torch.manual_seed(0)
dataloaders = {x: [(torch.randn(4, 5), torch.randint(0, 3, (4,))) for _ in range(3)] for x in ("train", "val")}


def train_model(model, criterion, optimizer, scheduler, num_epochs=2):
    since = time.time()
    for epoch in range(num_epochs):
        for phase in ["train", "val"]:
            if phase == "train":
                model.train()
            else:
                model.eval()
            running_loss = 0.0
            for inputs, labels in dataloaders[phase]:
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == "train"):
                    outputs = model(inputs)
                    loss = criterion(outputs, labels)
                    if phase == "train":
                        loss.backward()
                        optimizer.step()
                running_loss += loss.item() * inputs.size(0)
            if phase == "train":
                scheduler.step()
            print(f"{phase} loss {running_loss / 12:.4f}")
    return model, time.time() - since


net = nn.Sequential(nn.Linear(5, 7), nn.Dropout(0.1), nn.ReLU(), nn.Linear(7, 3))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
train_model(net, nn.CrossEntropyLoss(), opt, torch.optim.lr_scheduler.StepLR(opt, 1, 0.1))
