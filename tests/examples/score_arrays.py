import numpy as np

from framegauge.runtime import Scorer

reference = np.full((256, 256, 3), 100, np.uint8)
distorted = reference + np.uint8(10)
with Scorer.of("psnr,ssim", format="rgb24", backend="auto") as scorer:
    scores = scorer(reference=reference, distorted=distorted)
print(scores["psnr"], scores["ssim"])
