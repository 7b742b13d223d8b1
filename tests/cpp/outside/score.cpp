// Scores one grey frame of 64x64 against one that is ten code values brighter.

#include <framegauge.hpp>

#include <cstdio>
#include <vector>

int main(int, char** words) try {
    const std::vector<std::uint8_t> dark(64 * 64 * 3, 100);
    const std::vector<std::uint8_t> bright(64 * 64 * 3, 110);

    framegauge::Scorer scorer{framegauge::Model{words[1]}};
    const auto scores = scorer.score({framegauge::rgb24("reference", dark.data(), 64, 64),
                                      framegauge::rgb24("distorted", bright.data(), 64, 64)});

    for (const auto& score : scores)
        std::printf("%s %.9g %s %s\n", score.label, score.value, score.unit,
                    score.higher_is_better ? "higher" : "lower");
} catch (const framegauge::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.status();
}
