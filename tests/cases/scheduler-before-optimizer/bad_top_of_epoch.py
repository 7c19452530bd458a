"""A step schedule that is advanced at the top of each epoch, as tutorials did before PyTorch 1.1."""

import torch
from torch import nn
from torch.optim import lr_scheduler

torch.manual_seed(0)


def train_model(model, criterion, optimizer, scheduler, num_epochs=4):
    for epoch in range(num_epochs):
        for phase in ["train", "val"]:
            if phase == "train":
                scheduler.step()  # expect: GG105
                model.train()
            else:
                model.eval()
            for _ in range(2):
                x = torch.randn(4, 3)
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == "train"):
                    loss = criterion(model(x), x.sum(1, keepdim=True))
                    if phase == "train":
                        loss.backward()
                        optimizer.step()
    return model


model_ft = nn.Linear(3, 1)
optimizer_ft = torch.optim.SGD(model_ft.parameters(), lr=0.05, momentum=0.9)
exp_lr_scheduler = lr_scheduler.StepLR(optimizer_ft, step_size=2, gamma=0.1)
train_model(model_ft, nn.MSELoss(), optimizer_ft, exp_lr_scheduler)
