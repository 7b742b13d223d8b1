// Frames to scores, with buffers that are kept from call to call.

#pragma once

#include "model.hpp"

#include <memory>

namespace framegauge {

class Scorer {
  public:
    explicit Scorer(std::shared_ptr<const Model> model);

    // As framegauge_scorer_score. Frames must be of this release's size. Throws a failure.
    void score(const std::vector<framegauge_frame>& frames, double* values,
               std::size_t value_count);

  private:
    // All samples of one input, as the caller has them: frames by sample.
    using Samples = std::vector<const framegauge_frame*>;

    Samples of_role(const std::vector<framegauge_frame>& frames, const std::string& role) const;
    Size common_size(const std::vector<framegauge_frame>& frames) const;
    void check_least(Size size) const;
    Tensor tensor(std::size_t input, const Samples& samples, Size size);
    // What samples mean, for each of them.
    Tensor facts(std::size_t input, const Samples& samples);

    std::shared_ptr<const Model> model_;
    std::vector<std::vector<unsigned char>> buffers_;  // one for each input
    std::vector<std::vector<float>> facts_;            // the same
};

}  // namespace framegauge
