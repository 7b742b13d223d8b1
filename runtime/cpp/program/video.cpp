#include "video.hpp"

#include "arguments.hpp"
#include "y4m.hpp"

#include <framegauge.hpp>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <numeric>

namespace {

using framegauge::ScoreError;
using framegauge::UsageError;

[[noreturn]] void refuse(const std::string& text) { throw ScoreError(FRAMEGAUGE_FAILED, text); }

bool ends(const std::string& text, const std::string& with) {
    return text.size() >= with.size() &&
           text.compare(text.size() - with.size(), with.size(), with) == 0;
}

int depth_of(const std::string& format) {
    if (format == "rgbf32") return 32;
    if (ends(format, "12le")) return 12;
    return ends(format, "10le") ? 10 : 8;
}

// By their names, as `framegauge score` goes by them.
bool is_called_bare(const std::string& where) {
    static constexpr const char* endings[] = {".yuv",  ".raw",  ".rgb", ".bgr",
                                              ".nv12", ".p010", ".cif", ".qcif"};
    std::string ending = std::filesystem::path(where).extension().string();
    for (char& letter : ending)
        letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    return std::find(std::begin(endings), std::end(endings), ending) != std::end(endings);
}

}  // namespace

bool Facts::assumes(const std::string& what) const {
    return std::find(assumed.begin(), assumed.end(), what) != assumed.end();
}

Video::Video(const std::string& where, const Arguments& arguments) : input_(where) {
    // What the input throws is no end of the video.
    in_.exceptions(std::ios::badbit);
    const bool is_y4m = input_.begins_with("YUV4MPEG2") || ends(where, ".y4m");
    // The other of the two may be the one that size and format are given for.
    if (!is_y4m && arguments.width > 0)
        take_raw(arguments);
    else if (!is_y4m && is_called_bare(where))
        throw UsageError(FRAMEGAUGE_USAGE,
                         where + " holds bare samples, which do not say their size and format. "
                                 "Give both: --size WxH --pixel-format F.");
    else
        take_y4m();
    facts.name = where;
    facts.format = facts.pixel_format == "gray"        ? "gray8"
                   : facts.pixel_format == "gbrpf32le" ? "rgbf32"
                                                       : facts.pixel_format;
    facts.depth = depth_of(facts.format);
    settle_colours(arguments);
}

void Video::take_raw(const Arguments& arguments) {
    facts.width = arguments.width;
    facts.height = arguments.height;
    facts.pixel_format = arguments.pixel_format == "gray8" ? "gray" : arguments.pixel_format;
    if (in_.peek() == std::istream::traits_type::eof())
        refuse(input_.called() +
               " is empty: a video was wanted, no bytes came. Check what writes it.");
}

void Video::take_y4m() {
    const y4m::Header header = y4m::read_header(in_, input_.called());
    is_y4m_ = true;
    facts.width = header.width;
    facts.height = header.height;
    facts.pixel_format = header.pixel_format;
    facts.chroma_siting = header.chroma_siting;
    facts.interlaced = header.interlaced;
    const std::uint32_t common = std::gcd(header.rate, header.per);
    facts.rate = common ? header.rate / common : 0;
    facts.per = common ? header.per / common : 0;
    if (header.full_range) facts.range = *header.full_range ? "full" : "limited";
    header_bytes_ = header.bytes;
}

void Video::settle_colours(const Arguments& arguments) {
    if (facts.format == "rgb24" || facts.format == "rgbf32") {
        facts.range = "full";
        return;
    }
    facts.matrix = arguments.matrix;
    if (facts.matrix.empty()) {
        facts.matrix = facts.height >= 720 ? "bt709" : "bt601";
        if (facts.format.rfind("gray", 0) != 0) facts.assumed.emplace_back("matrix");
    }
    if (!arguments.range.empty()) facts.range = arguments.range;
    if (!arguments.chroma_siting.empty()) facts.chroma_siting = arguments.chroma_siting;
    if (facts.range.empty()) {
        facts.range = "limited";
        facts.assumed.emplace_back("range");
    }
}

void Video::set_planes(const std::vector<std::uint64_t>& plane_bytes) {
    plane_bytes_ = plane_bytes;
    if (!input_.size()) return;
    const std::uint64_t frame =
        std::accumulate(plane_bytes.begin(), plane_bytes.end(), std::uint64_t{0});
    const std::uint64_t line = is_y4m_ ? std::strlen("FRAME\n") : 0;
    const std::uint64_t rest = *input_.size() - header_bytes_;
    // Before room is made for what a damaged header may call for.
    if (rest > 0 && rest < frame + line)
        refuse(input_.called() + " is truncated: a frame calls for " + std::to_string(frame) +
               " bytes, there are " + std::to_string(rest) + ". Get an intact copy.");
    facts.frames = rest / (frame + line);
}

bool Video::read(const std::vector<unsigned char*>& planes) {
    if (is_y4m_) {
        if (!y4m::read_frame_line(in_, input_.called(), seen_)) return false;
    } else if (in_.peek() == std::istream::traits_type::eof()) {
        return false;
    }
    for (std::size_t i = 0; i < planes.size(); ++i) {
        in_.read(reinterpret_cast<char*>(planes[i]),
                 static_cast<std::streamsize>(plane_bytes_[i]));
        if (!in_)
            refuse(input_.called() + " is truncated: after " + std::to_string(seen_) +
                   " whole frames there are bytes that do not make another. Get an intact copy" +
                   (is_y4m_ ? "." : ", or correct --size and --pixel-format."));
    }
    ++seen_;
    return true;
}

std::uint64_t Video::count_to_end() {
    std::vector<std::vector<unsigned char>> waste;
    std::vector<unsigned char*> places;
    for (const std::uint64_t bytes : plane_bytes_) {
        waste.emplace_back(bytes);
        places.push_back(waste.back().data());
    }
    while (read(places)) {
    }
    return seen_;
}
