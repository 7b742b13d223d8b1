// Any bytes are a y4m stream or are refused: nothing else happens.

#include "y4m.hpp"

#include <framegauge.hpp>

#include <algorithm>
#include <sstream>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t count) {
    std::istringstream in{std::string(reinterpret_cast<const char*>(bytes), count)};
    try {
        const y4m::Header header = y4m::read_header(in, "fuzz");
        if (header.width == 0 || header.height == 0 || header.pixel_format.empty()) __builtin_trap();
        const auto frame = static_cast<std::streamsize>(
            std::min<std::uint64_t>(std::uint64_t{header.width} * header.height, count));
        for (std::uint64_t index = 0; y4m::read_frame_line(in, "fuzz", index); ++index)
            in.ignore(frame);
    } catch (const framegauge::ScoreError&) {
    }
    return 0;
}
