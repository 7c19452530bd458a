# Prompt learning: the class embeddings hang on the trainable context but are computed once.
import torch
import torch.nn as nn
import torch.nn.functional as F


class PromptLearner(nn.Module):
    def __init__(self, n_classes, width):
        super().__init__()
        self.context = nn.Parameter(torch.randn(width) * 0.02)
        self.register_buffer("names", torch.randn(n_classes, width))

    def forward(self):
        return self.context + self.names


def main():
    torch.manual_seed(0)
    width, n_classes = 6, 4
    prompts, text_encoder, image_encoder = PromptLearner(n_classes, width), nn.Linear(width, 8), nn.Linear(12, 8)
    for frozen in (text_encoder, image_encoder):
        frozen.requires_grad_(False)
    optimizer = torch.optim.AdamW([prompts.context], lr=1e-2)

    text_features = F.normalize(text_encoder(prompts()), dim=-1)

    for epoch in range(3):
        images, target = torch.randn(5, 12), torch.randint(0, n_classes, (5,))
        image_features = F.normalize(image_encoder(images), dim=-1)
        logits = 10.0 * image_features @ text_features.t()
        loss = F.cross_entropy(logits, target)
        optimizer.zero_grad()
        loss.backward()  # expect: GG201
        optimizer.step()
        print(f"epoch {epoch}: {loss.item():.4f}")


if __name__ == "__main__":
    main()
