// YUV4MPEG2, what `ffmpeg -f yuv4mpegpipe` writes: a line of parameters, then for every frame the
// line FRAME and the samples of its planes.

#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>

namespace y4m {

struct Header {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::string pixel_format;   // FFmpeg's name: yuv420p, yuv422p10le, gray, ...
    std::string chroma_siting;  // left, centre, topleft; empty if not said
    std::uint32_t rate = 0;    // frames in `per` seconds, 0 if not said
    std::uint32_t per = 0;
    bool interlaced = false;
    std::optional<bool> full_range;  // none if not said
    std::uint64_t bytes = 0;         // of the header itself
};

// Reads up to the first frame. Throws framegauge::ScoreError, which calls the stream `name`.
Header read_header(std::istream& in, const std::string& name);

// Reads the line before frame `index`; false at the end of the stream. Throws
// framegauge::ScoreError if there is something else.
bool read_frame_line(std::istream& in, const std::string& name, std::uint64_t index);

}  // namespace y4m
