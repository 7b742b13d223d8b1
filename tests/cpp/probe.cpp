// What the library keeps inside, printed for tests: probe pattern|colour|siting|cpus|sha256 WORDS...

#include "colour.hpp"
#include "cpus.hpp"
#include "pattern.hpp"
#include "sha256.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace framegauge;

int main(int, char** words) {
    const std::string what = words[1];
    const auto number = [&](int index) { return std::atoi(words[index]); };
    if (what == "cpus") {
        std::printf("%d\n", usable_cpus(words[2], words[3]));
    } else if (what == "colour") {
        framegauge_frame frame{};
        frame.matrix = number(2);
        frame.range = number(3);
        frame.height = static_cast<std::uint32_t>(number(5));
        for (const float value : colour_map(meaning_of(frame, *find_format("yuv420p")), number(4)))
            std::printf("%.9g ", value);
    } else if (what == "siting") {
        framegauge_frame frame{};
        frame.chroma_siting = number(3);
        for (const float value : siting_of(meaning_of(frame, *find_format(words[2])), *find_format(words[2])))
            std::printf("%.9g ", value);
    } else if (what == "sha256") {
        // The bytes in pieces of so many, up to the end.
        const std::string bytes = words[2];
        const auto piece = static_cast<std::size_t>(number(3));
        Sha256 digest;
        for (std::size_t at = 0; at < bytes.size(); at += piece)
            digest.add(std::string_view(bytes).substr(at, piece));
        std::printf("%s", digest.hex().c_str());
    } else {
        // FORMAT ROLE WIDTH HEIGHT: the bytes of every input of the role, two samples each.
        const Format& format = *find_format(words[2]);
        const std::string role = words[3];
        const Size size{static_cast<std::uint32_t>(number(4)),
                        static_cast<std::uint32_t>(number(5))};
        std::uint32_t first = 0;
        const auto print = [&](const Layout& layout) {
            Input input{};
            input.role = role;
            input.layout = layout;
            input.first_plane = first;
            first += layout.stacked;
            const auto bytes = test_bytes(format, input, 2, size);
            std::fwrite(bytes.data(), 1, bytes.size(), stdout);
        };
        if (is_frame(role))
            for (const Layout& layout : format.inputs) print(layout);
        else
            print(tensor_layout(role));
    }
}
