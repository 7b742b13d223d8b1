// Any bytes are a manifest that test frames can be made for, or are refused.

#include "failure.hpp"
#include "pattern.hpp"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t count) {
    try {
        const framegauge::Manifest manifest = framegauge::read_manifest(
            std::string(reinterpret_cast<const char*>(bytes), count), "fuzz");
        // The frames of a real test; larger ones only take longer.
        const framegauge::Size largest{64, 64};
        for (const framegauge::Size size : manifest.self_test.sizes)
            for (const framegauge::Input& input : manifest.inputs)
                if (input.part == framegauge::Part::samples && size.width <= largest.width &&
                    size.height <= largest.height)
                    framegauge::test_bytes(*manifest.format, input,
                                           std::min<std::size_t>(manifest.self_test.batch, 2), size);
    } catch (const framegauge::Failure& failure) {
        if (failure.status != FRAMEGAUGE_USAGE) __builtin_trap();
    }
    return 0;
}
