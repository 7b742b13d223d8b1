from framegauge.runtime import score

report = score(
    "tests/clips/reference.mp4",
    "tests/clips/distorted.mp4",
    metrics="psnr_y,float_ssim",
    gates=["psnr_y.p5>=28"],
)
print(report.pooled["psnr_y"]["mean"], report.passed)
