import torch

from framegauge.export.losses.census import Census

distorted = torch.rand(2, 3, 64, 64, requires_grad=True)
loss = Census()(distorted, torch.rand(2, 3, 64, 64))
loss.backward()
