import numpy as np

from framegauge.runtime import Scorer
from framegauge.runtime.models.model_files import pick

reference = np.full((256, 256, 3), 100, np.uint8)
distorted = reference + np.uint8(10)
with Scorer(pick("psnr,ssim", "rgb24").files) as scorer:
    scores = scorer(reference=reference, distorted=distorted)
print(scores["psnr"], scores["ssim"])
