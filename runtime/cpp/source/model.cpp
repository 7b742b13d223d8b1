#include "model.hpp"

#include "failure.hpp"
#include "model_bytes.hpp"
#include "pattern.hpp"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

namespace framegauge {
namespace {

std::string content_of(const std::string& path) {
    errno = 0;
    std::ifstream file{path, std::ios::binary | std::ios::ate};
    const auto size = static_cast<std::streamoff>(file.tellg());
    std::string content;
    // A folder can be opened, and has no end worth the name.
    if (file && size != std::numeric_limits<std::streamoff>::max()) {
        content.resize(static_cast<std::size_t>(size));
        if (file.seekg(0).read(content.data(), size)) return content;
    }
    throw failed("The model ", path, " cannot be read: ",
                 errno != 0 ? std::strerror(errno) : "it is no regular file", ".");
}

void check_request(const framegauge_model_options& options) {
    if (options.path == nullptr && options.bytes == nullptr)
        throw usage("A model is opened from a path or from bytes; both are NULL.");
    if (options.bytes == nullptr && options.byte_count != 0)
        throw usage("byte_count is ", options.byte_count, ", and bytes is NULL. Give both or none.");
    if (options.provider != FRAMEGAUGE_CPU && options.provider != FRAMEGAUGE_CUDA)
        throw usage("provider is FRAMEGAUGE_CPU (0) or FRAMEGAUGE_CUDA (1); got ",
                    options.provider, ".");
    if (options.device < 0) throw usage("device takes at least 0, got ", options.device, ".");
    if (options.threads < 0 || options.threads > FRAMEGAUGE_MOST_THREADS)
        throw usage("threads takes 1 to ", FRAMEGAUGE_MOST_THREADS,
                    ", or 0 for as many as this process may use; got ", options.threads, ".");
    if (options.log_severity < 0 || options.log_severity > 4)
        throw usage("log_severity is 1 to 4, or 0 for 3; got ", options.log_severity, ".");
    if (options.use_global_threads != 0 && (options.env == nullptr || options.threads > 0))
        throw usage("use_global_threads needs env, an environment made with thread pools, and "
                    "threads 0: its pools have their own number.");
    if (options.cuda_stream != nullptr && options.provider != FRAMEGAUGE_CUDA)
        throw usage("cuda_stream is for the provider FRAMEGAUGE_CUDA. Leave it NULL.");
}

}  // namespace

Tensor facts_tensor(const std::vector<float>& values, Part part) {
    std::vector<std::int64_t> shape{static_cast<std::int64_t>(values.size() / values_of(part))};
    if (part == Part::colour) shape.insert(shape.end(), {3, 4});
    if (part == Part::siting) shape.push_back(2);
    return {values.data(), values.size() * sizeof(float), shape, true};
}

Model::Model(const framegauge_model_options& options)
    : provider_(options.provider), device_(options.device), cuda_stream_(options.cuda_stream) {
    check_request(options);
    const std::string file = options.path != nullptr ? options.path : "the model in memory";
    const std::string read = options.bytes != nullptr ? "" : content_of(file);
    const std::string_view content =
        options.bytes != nullptr
            ? std::string_view(static_cast<const char*>(options.bytes), options.byte_count)
            : read;
    // ONNX Runtime gets no byte of a file that is not known to be whole.
    manifest_ = read_model(content, file);
    session_ = std::make_unique<Session>(content, file, options);
    check_names();
    for (const Input& input : manifest_.inputs) input_names_.push_back(input.name.c_str());
    for (const Output& output : manifest_.outputs) output_names_.push_back(output.name.c_str());
    if (options.skip_self_test == 0) prove();
}

std::vector<std::vector<double>> Model::run(const std::vector<Tensor>& inputs,
                                            std::size_t batch) const {
    return session_->run(input_names_, inputs, output_names_, batch);
}

void Model::check_names() const {
    std::vector<std::string> inputs;
    for (const Input& input : manifest_.inputs) inputs.push_back(input.name);
    const auto refuse = [&](const char* kind, const auto& said, const auto& found) {
        if (said != found)
            throw failed("The manifest of ", file(), " belongs to another model: it names the ",
                         kind, " ", listed(said), ", and the graph has ", listed(found),
                         ". Export the model again.");
    };
    refuse("inputs", inputs, session_->inputs());
    refuse("outputs", manifest_.all_outputs, session_->outputs());
}

void Model::prove() const {
    const SelfTest& test = manifest_.self_test;
    for (std::size_t run_index = 0; run_index < test.sizes.size(); ++run_index) {
        const Size size = test.sizes[run_index];
        std::vector<std::vector<unsigned char>> held;
        std::vector<Tensor> feed;
        for (const Input& input : manifest_.inputs) {
            if (input.part != Part::samples) {
                feed.push_back(facts_tensor(
                    input.part == Part::colour ? test.colour : test.siting, input.part));
                continue;
            }
            held.push_back(test_bytes(*manifest_.format, input, test.batch, size));
            feed.push_back({held.back().data(), held.back().size(),
                            input.layout.shape(test.batch, size),
                            input.layout.bytes == sizeof(float)});
        }
        const auto values = run(feed, test.batch);
        for (std::size_t i = 0; i < manifest_.outputs.size(); ++i) {
            const Output& output = manifest_.outputs[i];
            const std::vector<double>& wanted = test.scores[run_index].at(output.name);
            for (std::size_t n = 0; n < test.batch; ++n)
                // NaN is near nothing.
                if (!(std::abs(values[i][n] - wanted[n]) <=
                      test.share * output.allowed(wanted[n])))
                    throw failed(file(), " failed its self-test: ", output.name, " at ",
                                 size.width, "x", size.height, " should be ", wanted[n],
                                 ", and came out as ", values[i][n],
                                 ". The file is damaged, or the provider computes wrongly; no "
                                 "score of it can be trusted. Export the model again, or try "
                                 "another provider.");
        }
    }
}

}  // namespace framegauge
