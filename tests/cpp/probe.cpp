// What the library keeps inside, printed for tests: probe pattern|colour|cpus WORDS...

#include "colour.hpp"
#include "cpus.hpp"
#include "pattern.hpp"

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
        for (const float value :
             colour_map(number(2), number(3), number(4), static_cast<std::uint32_t>(number(5))))
            std::printf("%.9g ", value);
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
