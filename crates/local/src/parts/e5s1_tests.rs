use super::*;

/// A file of one tiny layer, with every tensor the network needs.
pub(crate) fn tiny_file() -> Vec<u8> {
    let (wide, rows, positions) = (64u32, 8u32, 4u32);
    let hidden = 32u32;
    let mut file = b"E5S1".to_vec();
    let mut put = |n: u32| file.extend(n.to_le_bytes());
    for n in [1, hidden, 1, 2, wide, rows, positions, 2] {
        put(n);
    }
    put(1e-12f32.to_bits());
    put(32);
    let pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁a", "<mask>"];
    for n in [6, 0, 2, 1, 3] {
        put(n);
    }
    let blob = pieces.concat();
    file.extend((blob.len() as u64).to_le_bytes());
    let mut offset = 0u32;
    file.extend(offset.to_le_bytes());
    for piece in pieces {
        offset += u32::try_from(piece.len()).unwrap();
        file.extend(offset.to_le_bytes());
    }
    file.extend((0..6u8).flat_map(|i| (-f32::from(i)).to_le_bytes()));
    file.extend(blob.as_bytes());
    // Two mappings: a tab is a space, a bell is nothing.
    for n in [2, 14, 9] {
        file.extend(u32::to_le_bytes(n));
    }
    file.push(1);
    file.extend(32u32.to_le_bytes());
    file.extend(7u32.to_le_bytes());
    file.push(0);

    let mut tensors = vec![
        ("emb.word".to_string(), true, rows * hidden),
        ("emb.pos".into(), false, positions * hidden),
        ("emb.type".into(), false, 2 * hidden),
        ("emb.ln.w".into(), false, hidden),
        ("emb.ln.b".into(), false, hidden),
    ];
    for (name, outputs, inputs) in [
        ("q", hidden, hidden),
        ("k", hidden, hidden),
        ("v", hidden, hidden),
        ("ao", hidden, hidden),
        ("fi", wide, hidden),
        ("fo", hidden, wide),
    ] {
        tensors.push((format!("l0.{name}.w"), true, outputs * inputs));
        tensors.push((format!("l0.{name}.b"), false, outputs));
    }
    for norm in ["aln.w", "aln.b", "oln.w", "oln.b"] {
        tensors.push((format!("l0.{norm}"), false, hidden));
    }
    add_tensors(&mut file, &tensors);
    file
}

fn add_tensors(file: &mut Vec<u8>, tensors: &[(String, bool, u32)]) {
    let size = |packed: bool, weights: u32| {
        if packed { u64::from(weights / 32) * 18 } else { u64::from(weights) * 4 }
    };
    let directory: usize = tensors.iter().map(|(name, ..)| name.len() + 23).sum();
    let mut at = (file.len() + 4 + directory) as u64;
    file.extend(u32::try_from(tensors.len()).unwrap().to_le_bytes());
    for (name, packed, weights) in tensors {
        file.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        file.extend(name.as_bytes());
        file.push(u8::from(*packed));
        file.extend(weights.to_le_bytes());
        file.extend(at.to_le_bytes());
        file.extend(size(*packed, *weights).to_le_bytes());
        at += size(*packed, *weights);
    }
    for (_, packed, weights) in tensors {
        if *packed {
            for _ in 0..weights / 32 {
                // A scale of 0.5, and weight j in the low half beside weight j + 16 in the high.
                file.extend(0x3800u16.to_le_bytes());
                file.extend((0..16u8).map(|j| j | (15 - j) << 4));
            }
        } else {
            file.extend((0..*weights).flat_map(|_| 1.5f32.to_le_bytes()));
        }
    }
}

/// The file with the four bytes at an offset replaced.
fn with(mut file: Vec<u8>, at: usize, value: u32) -> Vec<u8> {
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
    file
}

fn refusal(file: &[u8]) -> String {
    E5s1::parse(file).err().expect("the file is refused")
}

#[test]
fn a_whole_file_is_read() {
    let file = tiny_file();
    let model = E5s1::parse(&file).unwrap();
    assert_eq!((model.shape.hidden, model.shape.layers), (32, 1));
    assert_eq!(model.pieces[4], ("▁a", -4.0));
    assert_eq!(model.mappings[0].to, [' ']);
    assert_eq!(model.mappings[1].from, '\u{7}');
    assert_eq!(model.floats("emb.ln.w", 32).unwrap(), [1.5; 32]);
}

#[test]
fn nibbles_are_repacked_in_the_order_of_weights() {
    let file = tiny_file();
    let model = E5s1::parse(&file).unwrap();
    let tensor = model.quantised("l0.q.w", 32, 32).unwrap();
    assert_eq!(tensor.scales, [0.5; 32]);
    let weights: Vec<u8> = tensor.nibbles[..16].iter().flat_map(|byte| [byte & 15, byte >> 4]).collect();
    let expected: Vec<u8> = (0..16).chain((0..16).rev()).collect();
    assert_eq!(weights, expected);
}

#[test]
fn half_precision_is_exact() {
    let known = [
        (0x0000, 0.0),
        (0x3C00, 1.0),
        (0xC000, -2.0),
        (0x7BFF, 65504.0),
        (0x0001, 2f32.powi(-24)),
        (0x0400, 2f32.powi(-14)),
        (0x7C00, f32::INFINITY),
    ];
    for (bits, value) in known {
        assert_eq!(half(bits).to_bits(), f32::to_bits(value), "{bits:#x}");
    }
    assert!(half(0x7C01).is_nan());
}

#[test]
fn every_truncated_file_is_refused() {
    let file = tiny_file();
    for len in 0..file.len() {
        assert!(E5s1::parse(&file[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn a_foreign_file_is_refused_with_its_reason() {
    let file = tiny_file;
    assert!(refusal(&with(file(), 0, 7)).contains("not an E5S1 file"));
    assert!(refusal(&with(file(), 4, 2)).contains("version 2"));
    // Hidden size: not of whole blocks, absurd, negative.
    for hidden in [33, 1 << 30, u32::MAX] {
        assert!(E5s1::parse(&with(file(), 8, hidden)).is_err());
    }
    // Block length, number of pieces, an id outside the vocabulary, blob length.
    assert!(refusal(&with(file(), 40, 64)).contains("block 64"));
    assert!(refusal(&with(file(), 44, 0x7FFF_FFFF)).contains("too short"));
    assert!(refusal(&with(file(), 48, 6)).contains("does not fit"));
    assert!(refusal(&with(file(), 68, u32::MAX)).contains("truncated"));
}

#[test]
fn a_corrupted_byte_never_panics() {
    let file = tiny_file();
    // The header, the vocabulary, the mappings and the directory: all that steers the reading.
    for at in 0..1200.min(file.len()) {
        for value in [0x00, 0x7F, 0xFF] {
            let mut broken = file.clone();
            broken[at] = value;
            if let Ok(model) = E5s1::parse(&broken) {
                let _ = super::super::onnx::model(&model);
                let _ = super::super::tokenizer::tokenizer_json(&model);
            }
        }
    }
}

#[test]
fn a_tensor_of_another_size_or_type_is_refused() {
    let file = tiny_file();
    let model = E5s1::parse(&file).unwrap();
    let reason = |result: Result<Vec<f32>, String>| result.unwrap_err();
    assert!(reason(model.floats("emb.ln.w", 31)).contains("32 weights"));
    assert!(reason(model.floats("emb.word", 256)).contains("plain"));
    assert!(reason(model.floats("nothing", 1)).contains("missing"));
    assert!(model.quantised("emb.pos", 4, 32).is_err());
}

#[test]
fn the_network_is_connected() {
    let file = tiny_file();
    let source = E5s1::parse(&file).unwrap();
    let graph = super::super::onnx::model(&source).unwrap().graph.unwrap();
    let mut known: Vec<&str> = vec!["", "input_ids", "attention_mask"];
    known.extend(graph.initializer.iter().map(|t| t.name.as_str()));
    for node in &graph.node {
        for input in &node.input {
            assert!(known.contains(&input.as_str()), "{input} comes from nowhere");
        }
        known.extend(node.output.iter().map(String::as_str));
    }
    assert!(known.contains(&"last_hidden_state"));
}

#[test]
fn the_tokenizer_keeps_what_the_model_calls_special() {
    let file = tiny_file();
    let source = E5s1::parse(&file).unwrap();
    let json = super::super::tokenizer::tokenizer_json(&source);
    assert_eq!(json["added_tokens"][4]["id"], 5);
    assert_eq!(json["model"]["vocab"][4][0], "▁a");
    let steps = &json["normalizer"]["normalizers"];
    assert_eq!(steps[0]["pattern"]["Regex"], "[\\x{7}]");
    assert_eq!(steps[1]["content"], " ");
    assert_eq!(steps[2]["type"], "NFKC");
}
