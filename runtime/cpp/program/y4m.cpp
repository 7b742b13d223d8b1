#include "y4m.hpp"

#include <framegauge.hpp>

#include <charconv>
#include <sstream>

namespace y4m {
namespace {

using framegauge::ScoreError;

// Headers in the wild are below 200 bytes.
constexpr std::size_t longest_line = 4096;
// FFmpeg's own bound: a frame of 16 bit 4:4:4 stays below 2 GiB.
constexpr std::uint64_t most_pixels = 1u << 28;

[[noreturn]] void refuse(const std::string& text) { throw ScoreError(FRAMEGAUGE_FAILED, text); }

// The bytes up to the next line feed; nothing if the stream ends before the first of them.
std::optional<std::string> line(std::istream& in, const std::string& name, const char* what) {
    std::string text;
    for (int letter = in.get(); letter != '\n'; letter = in.get()) {
        if (letter == std::char_traits<char>::eof()) {
            if (text.empty()) return std::nullopt;
            refuse(name + " is truncated: it ends inside " + what + ". Get an intact copy.");
        }
        text += static_cast<char>(letter);
        if (text.size() > longest_line)
            refuse(name + " is damaged: " + what + " has no end within " +
                   std::to_string(longest_line) + " bytes. Get an intact copy.");
    }
    return text;
}

bool begins(const std::string& text, const std::string& start) {
    return text.compare(0, start.size(), start) == 0;
}

std::uint32_t number(const std::string& digits, const std::string& name, const char* what) {
    std::uint32_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, problem] = std::from_chars(digits.data(), end, value);
    if (problem != std::errc() || stop != end)
        refuse(name + " is damaged: its " + what + " is '" + digits +
               "', a whole number was wanted. Get an intact copy.");
    return value;
}

void take_coding(const std::string& colours, Header& header, const std::string& name) {
    static constexpr struct {
        const char* written;
        const char* pixel_format;
        const char* chroma_siting;
    } known[] = {
        {"420", "yuv420p", "centre"},
        {"420jpeg", "yuv420p", "centre"},
        {"420mpeg2", "yuv420p", "left"},
        {"420paldv", "yuv420p", "topleft"},
        {"422", "yuv422p", ""},
        {"444", "yuv444p", ""},
        {"mono", "gray", ""},
        {"mono10", "gray10le", ""},
        {"mono12", "gray12le", ""},
        {"mono14", "gray14le", ""},
        {"mono16", "gray16le", ""},
        {"420p10", "yuv420p10le", ""},
        {"422p10", "yuv422p10le", ""},
        {"444p10", "yuv444p10le", ""},
        {"420p12", "yuv420p12le", ""},
        {"422p12", "yuv422p12le", ""},
        {"444p12", "yuv444p12le", ""},
        {"420p16", "yuv420p16le", ""},
        {"422p16", "yuv422p16le", ""},
        {"444p16", "yuv444p16le", ""},
    };
    for (const auto& each : known)
        if (colours == each.written) {
            header.pixel_format = each.pixel_format;
            header.chroma_siting = each.chroma_siting;
            return;
        }
    refuse(name + " is coded as C" + colours +
           ", which no model takes as it is. Give 4:2:0, 4:2:2 or 4:4:4 of 8, 10, 12 or 16 bits, or "
           "mono: `ffmpeg -pix_fmt yuv420p`.");
}

}  // namespace

Header read_header(std::istream& in, const std::string& name) {
    const auto parameters = line(in, name, "its header");
    if (!parameters)
        refuse(name + " is empty: a video was wanted, no bytes came. Check what writes it.");
    std::istringstream words(*parameters);
    std::string word;
    words >> word;
    if (word != "YUV4MPEG2" || !begins(*parameters, word))
        refuse(name + " is not YUV4MPEG2 (.y4m). Bare samples need --size WxH --pixel-format F; "
               "anything else is read through `ffmpeg -f yuv4mpegpipe`.");
    Header header;
    header.bytes = parameters->size() + 1;
    std::optional<std::string> colours;
    std::string extension;  // how older programs wrote the same
    while (words >> word) {
        const std::string value = word.substr(1);
        switch (word[0]) {
            case 'W':
                header.width = number(value, name, "width");
                break;
            case 'H':
                header.height = number(value, name, "height");
                break;
            case 'F': {
                const auto colon = value.find(':');
                header.rate = number(value.substr(0, colon), name, "frame rate");
                header.per = colon == std::string::npos
                                 ? 1
                                 : number(value.substr(colon + 1), name, "frame rate");
                if (header.rate == 0 || header.per == 0) header.rate = header.per = 0;
                break;
            }
            case 'I':
                if (value != "p" && value != "t" && value != "b" && value != "?")
                    refuse(name + " mixes interlaced and whole frames (I" + value +
                           "). Deinterlace it first.");
                header.interlaced = value == "t" || value == "b";
                break;
            case 'C':
                colours = value;
                break;
            case 'X':
                if (value == "COLORRANGE=FULL") header.full_range = true;
                if (value == "COLORRANGE=LIMITED") header.full_range = false;
                if (begins(value, "YSCSS=")) extension = value.substr(6);
                break;
            default:  // A, the shape of a pixel, changes no sample
                break;
        }
    }
    for (char& letter : extension)
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    take_coding(colours ? *colours : extension.empty() ? "420" : extension, header, name);
    // FFmpeg takes a bare 420 for centred chroma where it is the word for the colours, and else for
    // nothing said.
    if (!colours && (extension.empty() || extension == "420")) header.chroma_siting.clear();
    if (header.width == 0 || header.height == 0 ||
        std::uint64_t{header.width} * header.height > most_pixels)
        refuse(name + " is damaged: it says its frames are " + std::to_string(header.width) + "x" +
               std::to_string(header.height) + " pixels. Get an intact copy.");
    return header;
}

bool read_frame_line(std::istream& in, const std::string& name, std::uint64_t index) {
    const auto parameters = line(in, name, "the line before a frame");
    if (!parameters) return false;
    if (*parameters != "FRAME" && !begins(*parameters, "FRAME "))
        refuse(name + " is damaged: where frame " + std::to_string(index) +
               " should begin there is something else. Get an intact copy.");
    return true;
}

}  // namespace y4m
