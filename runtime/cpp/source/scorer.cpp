#include "scorer.hpp"

#include "colour.hpp"
#include "failure.hpp"
#include "samples.hpp"

#include <algorithm>
#include <cstring>

namespace framegauge {
namespace {

// Larger sides would overflow sizes in bytes, and no decoder makes them.
constexpr std::uint32_t most_side = 1u << 16;

// The samples in place, if they lie one after the other without padding; else null.
const unsigned char* in_place(const std::vector<const framegauge_frame*>& samples,
                              const Input& input, Size size) {
    const auto row = static_cast<std::ptrdiff_t>(input.layout.row_bytes(size));
    const std::size_t plane = input.layout.rows(size) * input.layout.row_bytes(size);
    const auto* first = static_cast<const unsigned char*>(samples[0]->planes[input.first_plane]);
    const unsigned char* next = first;
    for (const framegauge_frame* frame : samples)
        for (std::uint32_t i = 0; i < input.layout.stacked; ++i, next += plane) {
            const std::uint32_t at = input.first_plane + i;
            const std::ptrdiff_t stride = frame->strides[at];
            const bool is_packed =
                stride == 0 || stride == row || input.layout.rows(size) == 1;
            if (!is_packed || frame->planes[at] != next) return nullptr;
        }
    return first;
}

void copy_rows(const framegauge_frame& frame, const Input& input, Size size,
               unsigned char*& out) {
    const std::size_t rows = input.layout.rows(size);
    const std::size_t bytes = input.layout.row_bytes(size);
    for (std::uint32_t i = 0; i < input.layout.stacked; ++i) {
        const std::uint32_t at = input.first_plane + i;
        const auto* row = static_cast<const unsigned char*>(frame.planes[at]);
        const std::ptrdiff_t given = frame.strides[at];
        const std::ptrdiff_t stride = given == 0 ? static_cast<std::ptrdiff_t>(bytes) : given;
        for (std::size_t y = 0; y < rows; ++y, out += bytes)
            std::memcpy(out, row + static_cast<std::ptrdiff_t>(y) * stride, bytes);
    }
}

bool has_size(const framegauge_frame& frame) {
    const std::string_view role = frame.role;
    return role != "time" && role != "frame_rate" && role.compare(0, 6, "logits") != 0;
}

// Refuses a frame whose samples mean something else than what the model is bound to.
void check_bound(const framegauge_frame& frame, const Model& model) {
    const Manifest& manifest = model.manifest();
    const auto check = [&](const Property& property, std::int32_t bound, std::int32_t said,
                           std::int32_t taken) {
        if (bound == 0 || taken == bound) return;
        const auto name = [&](std::int32_t number) {
            return property.values[static_cast<std::size_t>(number - 1)];
        };
        if (said == 0)
            throw usage(frame.role, " says no ", property.name, ", which is then taken as ",
                        name(taken), ", and ", model.file(), " is for ", name(bound),
                        " alone. Set the frame's ", property.name, " to ", bound,
                        " if that is what it is.");
        throw usage(frame.role, " has the ", property.name, " ", name(taken), ", and ",
                    model.file(), " is for ", name(bound),
                    " alone. Use a model made for what the frame is.");
    };
    if (manifest.matrix == 0 && manifest.chroma_siting == 0) return;
    const Meaning meaning = meaning_of(frame, *manifest.format);
    check(matrix_property, manifest.matrix, frame.matrix, meaning.matrix);
    check(range_property, manifest.range, frame.range, meaning.range);
    check(siting_property, manifest.chroma_siting, frame.chroma_siting, meaning.siting);
}

}  // namespace

Scorer::Scorer(std::shared_ptr<const Model> model)
    : model_(std::move(model)),
      buffers_(model_->manifest().inputs.size()),
      facts_(model_->manifest().inputs.size()) {}

void Scorer::score(const std::vector<framegauge_frame>& frames, double* values,
                   std::size_t value_count) {
    const Manifest& manifest = model_->manifest();
    const std::size_t roles = manifest.roles.size();
    if (frames.empty() || frames.size() % roles != 0)
        throw usage(model_->file(), " takes ", listed(manifest.roles), " for each sample; got ",
                    frames.size(), " frames.");
    const std::size_t batch = frames.size() / roles;
    if (values == nullptr || value_count != batch * manifest.outputs.size())
        throw usage("values has room for ", value_count, " numbers; ", batch, " samples of ",
                    manifest.outputs.size(), " outputs make ", batch * manifest.outputs.size(),
                    ".");
    for (const framegauge_frame& frame : frames) {
        if (frame.role == nullptr) throw usage("A frame's role is NULL. Name it.");
        if (frame.format != nullptr && frame.format != manifest.format->name)
            throw usage(frame.role, " is ", frame.format, ", and ", model_->file(), " takes ",
                        manifest.format->name, ". Use a model made for its format.");
        check_memory(frame, *model_);
        if (is_frame(frame.role)) check_bound(frame, *model_);
    }
    const Size size = common_size(frames);
    check_least(size);
    std::vector<Tensor> feed;
    for (std::size_t i = 0; i < manifest.inputs.size(); ++i) {
        const Input& input = manifest.inputs[i];
        const Samples samples = of_role(frames, input.role);
        feed.push_back(input.part == Part::samples ? tensor(i, samples, size)
                                                    : facts(i, samples));
    }
    const auto columns = model_->run(feed, batch);
    for (std::size_t n = 0; n < batch; ++n)
        for (const std::vector<double>& column : columns) *values++ = column[n];
}

Scorer::Samples Scorer::of_role(const std::vector<framegauge_frame>& frames,
                                const std::string& role) const {
    const auto& roles = model_->manifest().roles;
    Samples samples;
    for (auto first = frames.begin(); first != frames.end();
         first += static_cast<std::ptrdiff_t>(roles.size())) {
        const auto last = first + static_cast<std::ptrdiff_t>(roles.size());
        const auto is_it = [&](const framegauge_frame& each) { return role == each.role; };
        const auto found = std::find_if(first, last, is_it);
        if (found == last || std::count_if(first, last, is_it) != 1)
            throw usage(model_->file(), " takes ", listed(roles), " for each sample; got ",
                        listed(std::vector<framegauge_frame>(first, last),
                               [](const framegauge_frame& each) { return std::string(each.role); }),
                        ".");
        samples.push_back(&*found);
    }
    return samples;
}

Size Scorer::common_size(const std::vector<framegauge_frame>& frames) const {
    const framegauge_frame* first = nullptr;
    for (const framegauge_frame& frame : frames) {
        if (!has_size(frame)) continue;
        if (first == nullptr) first = &frame;
        if (frame.width != first->width || frame.height != first->height)
            throw usage("Frames are compared at one size; ", first->role, " is ", first->width,
                        "x", first->height, ", ", frame.role, " is ", frame.width, "x",
                        frame.height, ". Scale one to the other.");
    }
    if (first == nullptr) {
        const std::uint32_t least = model_->manifest().least;
        return {least, least};
    }
    if (std::min(first->width, first->height) < 1 ||
        std::max(first->width, first->height) > most_side)
        throw usage(first->role, " is ", first->width, "x", first->height,
                    " pixels; sides are from 1 to ", most_side, ".");
    return {first->width, first->height};
}

void Scorer::check_least(Size size) const {
    std::vector<std::string> small;
    for (const Output& output : model_->manifest().outputs)
        if (output.kind == "score" && output.least > std::min(size.width, size.height))
            small.push_back(text(output.name, " ", output.least, "x", output.least));
    if (!small.empty())
        throw usage("The frames are ", size.width, "x", size.height,
                    " pixels, and these metrics need at least: ", listed(small),
                    ". Leave them out, or scale the frames up.");
}

Tensor Scorer::tensor(std::size_t index, const Samples& samples, Size size) {
    const Input& input = model_->manifest().inputs[index];
    const Layout& layout = input.layout;
    for (const framegauge_frame* frame : samples)
        check_planes(*frame, input.first_plane, layout, size);
    const std::size_t bytes = samples.size() * layout.total_bytes(size);
    const bool is_on_gpu = samples[0]->memory == FRAMEGAUGE_CUDA;
    for (const framegauge_frame* frame : samples)
        if ((frame->memory == FRAMEGAUGE_CUDA) != is_on_gpu)
            throw usage(input.role, ": the samples of a batch lie in one memory.");
    const unsigned char* data = in_place(samples, input, size);
    if (data == nullptr) {
        if (is_on_gpu)
            throw usage(input.role, ": planes in CUDA memory have no padding, and the samples of "
                        "a batch follow each other. Copy them together, or score one by one.");
        std::vector<unsigned char>& buffer = buffers_[index];
        buffer.resize(bytes);
        unsigned char* out = buffer.data();
        for (const framegauge_frame* frame : samples) copy_rows(*frame, input, size, out);
        data = buffer.data();
    }
    const std::size_t each = bytes / samples.size();
    for (std::size_t at = 0; !is_on_gpu && at < bytes; at += each)
        check_values(data + at, each, input.role, layout, *model_->manifest().format);
    return {data, bytes, layout.shape(samples.size(), size), layout.bytes == sizeof(float),
            is_on_gpu};
}

Tensor Scorer::facts(std::size_t index, const Samples& samples) {
    const Format& format = *model_->manifest().format;
    const Part part = model_->manifest().inputs[index].part;
    std::vector<float>& values = facts_[index];
    values.clear();
    const auto add = [&](const auto& each) {
        values.insert(values.end(), each.begin(), each.end());
    };
    for (const framegauge_frame* frame : samples) {
        const Meaning meaning = meaning_of(*frame, format);
        if (part == Part::colour)
            add(colour_map(meaning, format.depth));
        else
            add(siting_of(meaning, format));
    }
    return facts_tensor(values, part);
}

}  // namespace framegauge
