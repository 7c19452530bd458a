# Transfer-learning loop with train and val phases; clearing slid out of the batch loop.
import copy
import torch
import torch.nn as nn
from torch.optim import lr_scheduler

torch.manual_seed(0)
loaders = {ph: [(torch.randn(4, 6), torch.randint(0, 2, (4,))) for _ in range(3)] for ph in ["train", "val"]}
sizes = {ph: 12 for ph in loaders}


def train_model(model, criterion, optimizer, scheduler, num_epochs=2):
    best, best_acc = copy.deepcopy(model.state_dict()), 0.0
    for epoch in range(num_epochs):
        for phase in ["train", "val"]:
            model.train(phase == "train")
            running, corrects = 0.0, 0
            optimizer.zero_grad()
            for inputs, labels in loaders[phase]:
                with torch.set_grad_enabled(phase == "train"):
                    outputs = model(inputs)
                    preds = outputs.argmax(1)
                    loss = criterion(outputs, labels)
                    if phase == "train":
                        loss.backward()  # expect: GG101
                        optimizer.step()
                running += loss.item() * inputs.size(0)
                corrects += (preds == labels).sum().item()
            if phase == "train":
                scheduler.step()
            acc = corrects / sizes[phase]
            print(epoch, phase, running / sizes[phase], acc)
            if phase == "val" and acc > best_acc:
                best, best_acc = copy.deepcopy(model.state_dict()), acc
    model.load_state_dict(best)
    return model


backbone = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU())
for p in backbone.parameters():
    p.requires_grad = False
net = nn.Sequential(backbone, nn.Linear(8, 2))
opt = torch.optim.SGD(net[1].parameters(), lr=0.05, momentum=0.9)
train_model(net, nn.CrossEntropyLoss(), opt, lr_scheduler.StepLR(opt, step_size=1, gamma=0.5))
