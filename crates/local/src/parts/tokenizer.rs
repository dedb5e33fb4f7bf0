//! Writes the tokenizer files that the embedding library reads beside the model.

use std::fmt::Write;

use serde_json::{Value, json};

use super::e5s1::E5s1;

/// Marks where a word begins.
const WORD_START: &str = "▁";

/// `tokenizer.json`: a unigram model over the file's pieces.
pub(super) fn tokenizer_json(model: &E5s1) -> Value {
    let text = |id: usize| model.pieces[id].0;
    let special = model.special;
    let (bos, eos) = (text(special.bos), text(special.eos));
    let mask = model.pieces.len() - 1;
    let piece = |id: usize| json!({"SpecialToken": {"id": text(id), "type_id": 0}});
    let sequence = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    let (start, end) = (piece(special.bos), piece(special.eos));
    let added: Vec<Value> = [special.bos, special.pad, special.eos, special.unk, mask]
        .into_iter()
        .map(|id| added_token(id, text(id), id == mask))
        .collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": normalizer(model),
        "pre_tokenizer": metaspace(),
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, sequence("A"), end],
            "pair": [start, sequence("A"), end, end, sequence("B"), end],
            "special_tokens": {
                bos: {"id": bos, "ids": [special.bos], "tokens": [bos]},
                eos: {"id": eos, "ids": [special.eos], "tokens": [eos]},
            },
        },
        "decoder": metaspace(),
        "model": {
            "type": "Unigram",
            "unk_id": special.unk,
            "vocab": model.pieces,
            "byte_fallback": false,
        },
    })
}

/// The small files beside `tokenizer.json`, by name.
pub(super) fn settings(model: &E5s1) -> [(&'static str, Value); 3] {
    let text = |id: usize| model.pieces[id].0;
    let special = model.special;
    let mask = text(model.pieces.len() - 1);
    let config = json!({
        "model_type": "bert",
        "hidden_size": model.shape.hidden,
        "num_hidden_layers": model.shape.layers,
        "num_attention_heads": model.shape.heads,
        "max_position_embeddings": model.shape.positions,
        "vocab_size": model.shape.vocabulary,
        "pad_token_id": special.pad,
    });
    let tokenizer_config = json!({
        "model_max_length": model.shape.positions,
        "bos_token": text(special.bos),
        "cls_token": text(special.bos),
        "eos_token": text(special.eos),
        "sep_token": text(special.eos),
        "pad_token": text(special.pad),
        "unk_token": text(special.unk),
        "mask_token": mask,
    });
    let special_tokens_map = json!({
        "bos_token": text(special.bos),
        "cls_token": text(special.bos),
        "eos_token": text(special.eos),
        "sep_token": text(special.eos),
        "pad_token": text(special.pad),
        "unk_token": text(special.unk),
        "mask_token": {
            "content": mask,
            "single_word": false,
            "lstrip": true,
            "rstrip": false,
            "normalized": false,
        },
    });
    [
        ("config.json", config),
        ("tokenizer_config.json", tokenizer_config),
        ("special_tokens_map.json", special_tokens_map),
    ]
}

fn added_token(id: usize, content: &str, lstrip: bool) -> Value {
    json!({
        "id": id,
        "content": content,
        "single_word": false,
        "lstrip": lstrip,
        "rstrip": false,
        "normalized": false,
        "special": true,
    })
}

fn metaspace() -> Value {
    json!({
        "type": "Metaspace",
        "replacement": WORD_START,
        "prepend_scheme": "always",
        "split": true,
    })
}

/// The file maps single code points, which loses tone marks of decomposed Vietnamese. NFKC does
/// what that map does and is right for decomposed text too; it only lacks the characters which the
/// map drops or turns into a space, so these two classes come from the map.
fn normalizer(model: &E5s1) -> Value {
    let class = |to: &[char]| {
        let mut class = String::from("[");
        for mapping in model.mappings.iter().filter(|m| m.to == to) {
            let _infallible = write!(class, "\\x{{{:X}}}", u32::from(mapping.from));
        }
        class + "]"
    };
    let has = |to: &[char]| model.mappings.iter().any(|m| m.to == to);
    let replace = |pattern: &str, content: &str| json!({"type": "Replace", "pattern": {"Regex": pattern}, "content": content});
    let mut steps = Vec::new();
    // An empty class is no valid pattern.
    for (to, content) in [(&[][..], ""), (&[' '][..], " ")] {
        if has(to) {
            steps.push(replace(&class(to), content));
        }
    }
    steps.push(json!({"type": "NFKC"}));
    steps.push(replace(" {2,}", " "));
    json!({"type": "Sequence", "normalizers": steps})
}
