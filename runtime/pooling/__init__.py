"""From the scores of frames to a few numbers for a clip, and bounds on those."""
