"""Where frames and flows come from: videos, images, arrays; their sizes, formats and colours."""
