#include "graph_soundness.hpp"

#include "failure.hpp"
#include "protocol_buffers.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

namespace framegauge {
namespace {

// In order of their letters.
constexpr std::string_view operators[] = {
    "Abs", "Acos", "Acosh", "Add", "And", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan", "Atanh",
    "AveragePool", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Compress", "Concat", "Constant",
    "ConstantOfShape", "Conv", "ConvTranspose", "Cos", "Cosh", "CumSum", "DepthToSpace", "Div",
    "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather",
    "GatherElements", "GatherND", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool",
    "Greater", "GreaterOrEqual", "GridSample", "HardSigmoid", "HardSwish", "Identity",
    "InstanceNormalization", "IsInf", "IsNaN", "LayerNormalization", "LeakyRelu", "Less",
    "LessOrEqual", "Log", "LogSoftmax", "MatMul", "Max", "MaxPool", "Mean", "Min", "Mod", "Mul",
    "Neg", "Not", "Or", "PRelu", "Pad", "Pow", "Range", "Reciprocal", "ReduceL1", "ReduceL2",
    "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSum", "ReduceSumSquare", "Relu", "Reshape", "Resize", "Round", "ScatterElements",
    "ScatterND", "Selu", "Shape", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Slice", "Softmax",
    "Softplus", "Softsign", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tan",
    "Tanh", "Tile", "TopK", "Transpose", "Trilu", "Unsqueeze", "Where", "Xor",
};

constexpr std::size_t most_nodes = 65536;
constexpr std::int64_t most_number = 65536;
constexpr double most_product = 16777216;
// The open end of a slice, the greatest number of 64 bits.
constexpr double open = 9223372036854775807.0;

// By operator, which of its inputs say how large what it gives is to be.
struct Sized {
    std::string_view name;
    std::vector<std::size_t> inputs;
};
const Sized sized[] = {
    {"ConstantOfShape", {0}}, {"Expand", {1}}, {"Pad", {1}},
    {"Range", {0, 1, 2}},     {"Resize", {2, 3}}, {"Tile", {1}},
};

// Of ONNX's types of tensors, by their numbers in onnx.proto.
constexpr std::int64_t float_type = 1;
constexpr std::int64_t int32_type = 6;
constexpr std::int64_t int64_type = 7;
constexpr std::int64_t double_type = 11;

// Of a tensor, the fields of floats and of whole numbers.
constexpr std::uint64_t float_values = 4;
constexpr std::uint64_t number_values = 7;

struct Tensor {
    std::string_view name;
    std::int64_t type = 0;
    std::vector<Fields::Field> values;
};

struct Node {
    std::string_view operator_name;
    std::vector<std::string_view> inputs;
};

struct Found {
    std::vector<Node> nodes;
    std::map<std::string_view, Tensor> constants;
};

class Walk {
  public:
    explicit Walk(const std::string& file) : file_(file) {}

    void model(std::string_view bytes) {
        Fields fields(bytes);
        while (const auto field = fields.next()) {
            if (field->number == 7) graph(field->bytes);
            if (field->number == 8) operators_from(field->bytes);
            if (field->number == 20 || field->number == 25)
                throw needless("functions or steps of training");
        }
        for (const Node& node : found_.nodes)
            for (const Sized& each : sized)
                if (each.name == node.operator_name) check_size(node, each.inputs);
    }

  private:
    [[nodiscard]] Failure needless(const std::string& what) const {
        return usage(file_, " has ", what, " in its graph, which no metric needs and which could "
                     "fill a machine's memory or run without end. Export the model with "
                     "`framegauge export`.");
    }

    void graph(std::string_view bytes) {
        Fields fields(bytes);
        while (const auto field = fields.next()) {
            if (field->number == 1) node(field->bytes);
            if (field->number == 5) {
                Tensor read = tensor(field->bytes);
                found_.constants[read.name] = read;
            }
            if (field->number == 15) throw needless("sparse constants");
            if (std::max(found_.nodes.size(), found_.constants.size()) > most_nodes)
                throw needless(text("more than ", most_nodes, " nodes or constants"));
        }
    }

    void node(std::string_view bytes) {
        Node read;
        std::string_view output;
        std::vector<Tensor> held;
        Fields fields(bytes);
        while (const auto field = fields.next()) {
            if (field->number == 1) read.inputs.push_back(field->bytes);
            if (field->number == 2) output = field->bytes;
            if (field->number == 4) {
                read.operator_name = field->bytes;
                if (!std::binary_search(std::begin(operators), std::end(operators),
                                        read.operator_name))
                    throw needless(text("the operator '", field->bytes.substr(0, 60), "'"));
            }
            if (field->number == 5) attribute(field->bytes, held);
            if (field->number == 7) check_domain(field->bytes);
        }
        if (read.operator_name == "Constant")
            for (const Tensor& each : held) found_.constants[output] = each;
        found_.nodes.push_back(std::move(read));
    }

    // The constants that an attribute holds are added to those of its node.
    void attribute(std::string_view bytes, std::vector<Tensor>& held) {
        Tensor listed;
        Fields fields(bytes);
        while (const auto field = fields.next()) {
            if (field->number == 2 || field->number == 7)
                listed.values.push_back({float_values, field->bytes});
            if (field->number == 3 || field->number == 8) {
                listed.values.push_back({number_values, field->bytes});
                Fields packed(field->bytes);
                while (const auto number = packed.next_number())
                    check_number(static_cast<double>(*number));
            }
            if (field->number == 5 || field->number == 10) held.push_back(tensor(field->bytes));
            if (field->number == 6 || field->number == 11)
                throw needless("graphs within its nodes");
            if (field->number == 22 || field->number == 23) throw needless("sparse constants");
        }
        if (!listed.values.empty()) held.push_back(std::move(listed));
    }

    Tensor tensor(std::string_view bytes) {
        Tensor read;
        Fields fields(bytes);
        while (const auto field = fields.next()) {
            if (field->number == 2) read.type = Fields(field->bytes).next_number().value_or(0);
            if (field->number == 8) read.name = field->bytes;
            if (field->number == 13)
                throw usage(file_, " keeps weights in a file beside it, which could change unseen. "
                            "Save it with all its weights inside, as `framegauge export` does.");
            if (field->number == float_values || field->number == 5 ||
                field->number == number_values || field->number == 9 || field->number == 10)
                read.values.push_back(*field);
        }
        if (read.type == int32_type || read.type == int64_type)
            for (const double number : numbers(read)) check_number(number);
        return read;
    }

    static std::vector<double> numbers(const Tensor& tensor) {
        std::vector<double> read;
        for (const Fields::Field& field : tensor.values) {
            const bool is_raw = field.number == 9;
            if (field.number == float_values || (is_raw && tensor.type == float_type))
                unpack<float>(field.bytes, read);
            else if (field.number == 10 || (is_raw && tensor.type == double_type))
                unpack<double>(field.bytes, read);
            else if (is_raw && tensor.type == int32_type)
                unpack<std::int32_t>(field.bytes, read);
            else if (is_raw && tensor.type == int64_type)
                unpack<std::int64_t>(field.bytes, read);
            else {
                Fields packed(field.bytes);
                while (const auto number = packed.next_number())
                    read.push_back(static_cast<double>(*number));
            }
        }
        return read;
    }

    template <class Number>
    static void unpack(std::string_view bytes, std::vector<double>& read) {
        if (bytes.size() % sizeof(Number) != 0) throw NoMessage{};
        for (std::size_t at = 0; at < bytes.size(); at += sizeof(Number)) {
            Number number;
            std::memcpy(&number, bytes.data() + at, sizeof(Number));
            read.push_back(static_cast<double>(number));
        }
    }

    void check_number(double number) const {
        // NaN is no number either.
        if (number != open && !(std::abs(number) <= static_cast<double>(most_number)))
            throw needless(text("the whole number ", number, ", beyond ", most_number, ","));
    }

    void check_size(const Node& node, const std::vector<std::size_t>& inputs) const {
        for (const std::size_t index : inputs) {
            if (index >= node.inputs.size()) continue;
            const auto constant = found_.constants.find(node.inputs[index]);
            if (constant == found_.constants.end()) continue;
            double size = 1;
            for (const double number : numbers(constant->second)) size *= 1 + std::abs(number);
            if (!(size <= most_product))
                throw needless(text("a constant that makes its ", node.operator_name,
                                    " too large"));
        }
    }

    void operators_from(std::string_view bytes) const {
        Fields fields(bytes);
        while (const auto field = fields.next())
            if (field->number == 1) check_domain(field->bytes);
    }

    void check_domain(std::string_view domain) const {
        if (!domain.empty() && domain != "ai.onnx")
            throw needless(text("operators of '", domain.substr(0, 60), "'"));
    }

    const std::string& file_;
    Found found_;
};

}  // namespace

void check_graph(std::string_view content, const std::string& file) {
    Walk(file).model(content);
}

}  // namespace framegauge
