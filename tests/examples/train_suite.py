import torch

from framegauge.export.suite import Suite

factors = {"laplacian": 1.0, "census": 0.1, "dssim": 0.5}
suite = Suite("laplacian,census,dssim=ssim[form=dssim],psnr", factors=factors)
distorted = torch.rand(2, 3, 64, 64, requires_grad=True)
losses = suite(distorted=distorted, reference=torch.rand(2, 3, 64, 64))
losses.total.backward()
print({name: round(term.item(), 4) for name, term in losses.terms.items()})
