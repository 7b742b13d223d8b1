#include "arguments.hpp"

#include <framegauge.hpp>

#include <charconv>
#include <cstring>
#include <getopt.h>
#include <initializer_list>
#include <limits>

const char* const usage_text =
    R"(Score a distorted video against its reference with a framegauge model.

    framegauge-score REFERENCE DISTORTED --model MODEL [--json]
    ffmpeg -i clip.mp4 -f yuv4mpegpipe - | framegauge-score reference.y4m - --model MODEL

Each video is a .y4m file, bare samples, or - for one of them on standard input.

  --model MODEL            file made by `framegauge export`
  --json                   print the JSON report, a superset of libvmaf's, not the table
  --size WxH               size of bare samples
  --pixel-format F         their pixel format by FFmpeg's name: yuv420p, yuv422p10le, nv12, rgb24,
                           gbrpf32le (floats, planes G B R), ...
  --matrix M               bt601, bt709 or bt2020, in place of what the videos say
  --range R                limited or full, in place of what the videos say
  --chroma-siting S        left, centre, topleft, top, bottomleft or bottom, in place of what the
                           videos say; left if nobody says
  --backend B              cpu or cuda
  --device N               which GPU
  --threads N              threads on the CPU; as many as this process may use if not given
  --on-length-mismatch W   error, or shortest to stop where one video ends
  --on-rate-mismatch W     error, or index to compare frame by frame
  --help, --version

Exit codes: 0 done; 1 the run failed; 2 the request is wrong; 4 the backend is not available here.
)";

namespace {

using framegauge::UsageError;

[[noreturn]] void refuse(const std::string& text) { throw UsageError(FRAMEGAUGE_USAGE, text); }

std::string one_of(const char* flag, const std::string& value,
                   std::initializer_list<const char*> allowed) {
    std::string all;
    for (const char* each : allowed) {
        if (value == each) return value;
        all += (all.empty() ? "" : ", ") + std::string(each);
    }
    refuse(std::string(flag) + " takes one of " + all + "; got '" + value + "'. Choose one.");
}

int number(const char* flag, std::string_view text, int least,
           int most = std::numeric_limits<int>::max()) {
    int value = 0;
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_whole = problem == std::errc() && stop == text.data() + text.size();
    if (!is_whole || value < least || value > most)
        refuse(std::string(flag) + " takes a whole number of at least " + std::to_string(least) +
               (most < std::numeric_limits<int>::max() ? " and at most " + std::to_string(most)
                                                       : "") +
               ", got '" + std::string(text) + "'.");
    return value;
}

void read_size(const std::string& text, Arguments& arguments) {
    const auto cross = text.find('x');
    if (cross == std::string::npos)
        refuse("--size takes WxH of at least 1x1, got '" + text + "'. Correct it.");
    arguments.width = static_cast<std::uint32_t>(number("--size", text.substr(0, cross), 1));
    arguments.height = static_cast<std::uint32_t>(number("--size", text.substr(cross + 1), 1));
}

enum Flag { model = 1, json, size, pixel_format, matrix, range, siting, backend, device, threads,
            on_length, on_rate, help, version };

constexpr option flags[] = {
    {"model", required_argument, nullptr, model},
    {"json", no_argument, nullptr, json},
    {"size", required_argument, nullptr, size},
    {"pixel-format", required_argument, nullptr, pixel_format},
    {"matrix", required_argument, nullptr, matrix},
    {"range", required_argument, nullptr, range},
    {"chroma-siting", required_argument, nullptr, siting},
    {"backend", required_argument, nullptr, backend},
    {"device", required_argument, nullptr, device},
    {"threads", required_argument, nullptr, threads},
    {"on-length-mismatch", required_argument, nullptr, on_length},
    {"on-rate-mismatch", required_argument, nullptr, on_rate},
    {"help", no_argument, nullptr, help},
    {"version", no_argument, nullptr, version},
    {nullptr, 0, nullptr, 0},
};

void take(int flag, const char* value, Arguments& to) {
    switch (flag) {
        case model: to.model = value; break;
        case json: to.json = true; break;
        case size: read_size(value, to); break;
        case pixel_format:
            to.pixel_format =
                one_of("--pixel-format", value,
                       {"yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le",
                        "yuv444p10le", "yuv420p12le", "yuv422p12le", "yuv444p12le", "yuv420p16le",
                        "yuv422p16le", "yuv444p16le", "nv12", "p010le", "gray", "gray8",
                        "gray10le", "gray12le", "gray14le", "gray16le", "rgb24", "gbrpf32le"});
            break;
        case matrix: to.matrix = one_of("--matrix", value, {"bt601", "bt709", "bt2020"}); break;
        case range: to.range = one_of("--range", value, {"limited", "full"}); break;
        case siting:
            to.chroma_siting = one_of("--chroma-siting", value,
                                      {"left", "centre", "topleft", "top", "bottomleft", "bottom"});
            break;
        case backend: to.backend = one_of("--backend", value, {"cpu", "cuda"}); break;
        case device: to.device = number("--device", value, 0); break;
        case threads: to.threads = number("--threads", value, 1, FRAMEGAUGE_MOST_THREADS); break;
        case on_length:
            to.on_length_mismatch = one_of("--on-length-mismatch", value, {"error", "shortest"});
            break;
        case on_rate:
            to.on_rate_mismatch = one_of("--on-rate-mismatch", value, {"error", "index"});
            break;
        case help: to.help = true; break;
        case version: to.version = true; break;
        default: refuse("See framegauge-score --help.");  // getopt has said what is wrong
    }
}

}  // namespace

Arguments read_arguments(int count, char** words) {
    Arguments arguments;
    for (int flag = 0; (flag = getopt_long(count, words, "", flags, nullptr)) != -1;)
        take(flag, optarg, arguments);
    if (arguments.help || arguments.version) return arguments;
    if (count - optind != 2)
        refuse("Two videos are compared, REFERENCE and DISTORTED; got " +
               std::to_string(count - optind) + ". See framegauge-score --help.");
    arguments.reference = words[optind];
    arguments.distorted = words[optind + 1];
    if (arguments.model.empty()) refuse("Scoring needs --model MODEL, a file made by `framegauge export`.");
    if ((arguments.width == 0) != arguments.pixel_format.empty())
        refuse("Bare samples need both --size WxH and --pixel-format F. Give the other too.");
    if (arguments.reference == "-" && arguments.distorted == "-")
        refuse("Standard input holds one video. Give the other by its path.");
    return arguments;
}
