//! Writes the network as an ONNX model: post-norm BERT whose big tensors stay 4 bit.
//!
//! Only the messages and fields of `onnx.proto3` that this one graph needs are declared.

use prost::Message;

use super::e5s1::{BLOCK, E5s1, Quantised};

const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;
/// ONNX Runtime's own operators: the 4-bit ones, attention and the exact GELU.
const RUNTIME_DOMAIN: &str = "com.microsoft";

#[derive(Clone, PartialEq, Message)]
pub(super) struct Model {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(string, tag = "2")]
    producer_name: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSet>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSet {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<Attribute>,
    #[prost(string, tag = "7")]
    domain: String,
}

/// The values are optional so that a zero is written too: readers tell absent from zero.
#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(float, optional, tag = "2")]
    f: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    i: Option<i64>,
    #[prost(enumeration = "AttributeType", tag = "20")]
    r#type: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
enum AttributeType {
    Undefined = 0,
    Float = 1,
    Int = 2,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(enumeration = "DataType", tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
enum DataType {
    Undefined = 0,
    Float = 1,
    Uint8 = 2,
    Int32 = 6,
    Int64 = 7,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfo {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    r#type: Option<Type>,
}

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorType {
    #[prost(enumeration = "DataType", tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<TensorShape>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorShape {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(oneof = "DimensionValue", tags = "1, 2")]
    value: Option<DimensionValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum DimensionValue {
    #[prost(int64, tag = "1")]
    Fixed(i64),
    #[prost(string, tag = "2")]
    Named(String),
}

/// `input_ids`, `attention_mask` (int64 \[batch, sequence\]) → `last_hidden_state` (f32 \[batch,
/// sequence, hidden\]). There is no token type input: type 0 is folded into the positions.
pub(super) fn model(source: &E5s1) -> Result<Model, String> {
    let mut builder = Builder { source, hidden: source.shape.hidden, nodes: Vec::new(), tensors: Vec::new() };
    builder.mask();
    let mut x = builder.embeddings()?;
    for layer in 0..source.shape.layers {
        let last = layer + 1 == source.shape.layers;
        x = builder.layer(layer, &x, last)?;
    }
    let hidden = DimensionValue::Fixed(int(builder.hidden)?);
    let named = |name: &str| DimensionValue::Named(name.into());
    let tokens = || vec![named("batch"), named("sequence")];
    let graph = Graph {
        node: builder.nodes,
        name: "multilingual-e5-small".into(),
        initializer: builder.tensors,
        input: vec![
            value("input_ids", DataType::Int64, tokens()),
            value("attention_mask", DataType::Int64, tokens()),
        ],
        output: vec![value(&x, DataType::Float, vec![named("batch"), named("sequence"), hidden])],
    };
    let opset = |domain: &str, version| OperatorSet { domain: domain.into(), version };
    Ok(Model {
        ir_version: IR_VERSION,
        producer_name: "motcua".into(),
        graph: Some(graph),
        opset_import: vec![opset("", OPSET), opset(RUNTIME_DOMAIN, 1)],
    })
}

struct Builder<'a> {
    source: &'a E5s1<'a>,
    hidden: usize,
    nodes: Vec<Node>,
    tensors: Vec<Tensor>,
}

impl Builder<'_> {
    /// Adds a node with one output; the node has the output's name.
    fn node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: Vec<Attribute>) {
        let standard = ["Cast", "Shape", "Slice", "Add", "LayerNormalization"];
        let domain = if standard.contains(&op) { "" } else { RUNTIME_DOMAIN };
        self.nodes.push(Node {
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec![output.into()],
            name: output.into(),
            op_type: op.into(),
            attribute: attributes,
            domain: domain.into(),
        });
    }

    fn tensor(&mut self, name: &str, dims: &[usize], kind: DataType, raw: Vec<u8>) -> Result<(), String> {
        self.tensors.push(Tensor {
            dims: dims.iter().map(|n| int(*n)).collect::<Result<_, _>>()?,
            data_type: kind.into(),
            name: name.into(),
            raw_data: raw,
        });
        Ok(())
    }

    fn floats(&mut self, name: &str, dims: &[usize], numbers: &[f32]) -> Result<(), String> {
        let raw = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        self.tensor(name, dims, DataType::Float, raw)
    }

    /// Copies a plain vector under its own name.
    fn vector(&mut self, name: &str, len: usize) -> Result<(), String> {
        let numbers = self.source.floats(name, len)?;
        self.floats(name, &[len], &numbers)
    }

    /// Attention counts in 32 bits.
    fn mask(&mut self) {
        let to = int_attribute("to", i64::from(i32::from(DataType::Int32)));
        self.node("Cast", &["attention_mask"], "mask", vec![to]);
    }

    fn embeddings(&mut self) -> Result<String, String> {
        let shape = self.source.shape;
        let (rows, hidden) = (shape.vocabulary, self.hidden);
        let Quantised { scales, nibbles } = self.source.quantised("emb.word", rows, hidden)?;
        self.tensor("emb.word", &[rows, hidden / 2], DataType::Uint8, nibbles)?;
        self.floats("emb.word.scales", &[rows, hidden / BLOCK], &scales)?;
        self.node(
            "GatherBlockQuantized",
            &["emb.word", "input_ids", "emb.word.scales"],
            "words",
            vec![
                int_attribute("bits", 4),
                int_attribute("block_size", int(BLOCK)?),
                int_attribute("gather_axis", 0),
                int_attribute("quantize_axis", 1),
            ],
        );

        let types = self.source.floats("emb.type", shape.token_types * hidden)?;
        let mut positions = self.source.floats("emb.pos", shape.positions * hidden)?;
        for row in positions.chunks_exact_mut(hidden) {
            row.iter_mut().zip(&types).for_each(|(p, t)| *p += t);
        }
        self.floats("emb.pos", &[shape.positions, hidden], &positions)?;
        let zero = 0i64.to_le_bytes().to_vec();
        self.tensor("zero", &[1], DataType::Int64, zero)?;
        let ends = vec![int_attribute("start", 1), int_attribute("end", 2)];
        self.node("Shape", &["input_ids"], "length", ends);
        let range = ["emb.pos", "zero", "length", "zero"];
        self.node("Slice", &range, "positions", vec![]);
        self.node("Add", &["words", "positions"], "embedded", vec![]);
        self.normalised("emb.ln", "embedded", "x")?;
        Ok("x".into())
    }

    fn layer(&mut self, layer: usize, x: &str, last: bool) -> Result<String, String> {
        let shape = self.source.shape;
        let name = |part: &str| format!("l{layer}.{part}");
        let (hidden, wide) = (self.hidden, shape.feed_forward);
        let (q, k, v) = (name("q"), name("k"), name("v"));
        for projection in [&q, &k, &v] {
            self.linear(projection, x, hidden, hidden)?;
        }
        let heads = int_attribute("num_heads", int(shape.heads)?);
        let (attention, attended) = (name("attention"), name("ao"));
        let inputs = [q.as_str(), &k, &v, "", "mask"];
        self.node("MultiHeadAttention", &inputs, &attention, vec![heads]);
        self.linear(&attended, &attention, hidden, hidden)?;
        let (sum, middle) = (name("sum1"), name("middle"));
        self.node("Add", &[x, &attended], &sum, vec![]);
        self.normalised(&name("aln"), &sum, &middle)?;

        let (inner, active, outer) = (name("fi"), name("gelu"), name("fo"));
        self.linear(&inner, &middle, wide, hidden)?;
        self.node("Gelu", &[&inner], &active, vec![]);
        self.linear(&outer, &active, hidden, wide)?;
        let sum = name("sum2");
        self.node("Add", &[&middle, &outer], &sum, vec![]);
        let output = if last { "last_hidden_state".into() } else { name("x") };
        self.normalised(&name("oln"), &sum, &output)?;
        Ok(output)
    }

    /// `rows` outputs of `columns` inputs each, with a bias; the output is called as the layer.
    fn linear(&mut self, name: &str, input: &str, rows: usize, columns: usize) -> Result<(), String> {
        let (weights, bias) = (format!("{name}.w"), format!("{name}.b"));
        let scales_name = format!("{name}.scales");
        let blocks = columns / BLOCK;
        let Quantised { scales, nibbles } = self.source.quantised(&weights, rows, columns)?;
        self.tensor(&weights, &[rows, blocks, BLOCK / 2], DataType::Uint8, nibbles)?;
        self.floats(&scales_name, &[rows, blocks], &scales)?;
        self.vector(&bias, rows)?;
        let attributes = vec![
            int_attribute("K", int(columns)?),
            int_attribute("N", int(rows)?),
            int_attribute("bits", 4),
            int_attribute("block_size", int(BLOCK)?),
            // 8-bit activations: the fast integer path, within 0.0002 of exact by cosine.
            int_attribute("accuracy_level", 4),
        ];
        let inputs = [input, &weights, &scales_name, "", "", &bias];
        self.node("MatMulNBits", &inputs, name, attributes);
        Ok(())
    }

    fn normalised(&mut self, name: &str, input: &str, output: &str) -> Result<(), String> {
        let (weight, bias) = (format!("{name}.w"), format!("{name}.b"));
        self.vector(&weight, self.hidden)?;
        self.vector(&bias, self.hidden)?;
        let attributes = vec![
            int_attribute("axis", -1),
            Attribute {
                name: "epsilon".into(),
                f: Some(self.source.shape.epsilon),
                i: None,
                r#type: AttributeType::Float.into(),
            },
        ];
        self.node("LayerNormalization", &[input, &weight, &bias], output, attributes);
        Ok(())
    }
}

fn int_attribute(name: &str, i: i64) -> Attribute {
    Attribute { name: name.into(), f: None, i: Some(i), r#type: AttributeType::Int.into() }
}

fn int(n: usize) -> Result<i64, String> {
    i64::try_from(n).map_err(|_| format!("{n} is too large"))
}

fn value(name: &str, kind: DataType, dims: Vec<DimensionValue>) -> ValueInfo {
    let dim = dims.into_iter().map(|value| Dimension { value: Some(value) }).collect();
    ValueInfo {
        name: name.into(),
        r#type: Some(Type {
            tensor_type: Some(TensorType { elem_type: kind.into(), shape: Some(TensorShape { dim }) }),
        }),
    }
}
