//! Answers with one thing in them that nobody expects.

use serde_json::{Map, Value as Json, json};

/// Chance by a seed: the same seed gives the same answers.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`, which is not 0.
    pub fn throw(&mut self, sides: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }
}

/// The body with one thing changed; as bytes, because it need not be JSON any more.
pub fn mutated(body: &[u8], dice: &mut Dice) -> Vec<u8> {
    let whole = serde_json::from_slice::<Json>(body).ok();
    match (dice.throw(8), whole) {
        (0, _) => body[..dice.throw(body.len() + 1)].to_vec(),
        (1, _) => {
            let mut bytes = body.to_vec();
            if !bytes.is_empty() {
                let at = dice.throw(bytes.len());
                bytes[at] ^= 1 << dice.throw(8);
            }
            bytes
        }
        // Another encoding of the same.
        (2, _) if dice.throw(4) == 0 => String::from_utf8_lossy(body).encode_utf16().flat_map(u16::to_le_bytes).collect(),
        (_, Some(mut json)) => {
            let nodes = count(&json);
            change(&mut json, &mut dice.throw(nodes), dice);
            json.to_string().into_bytes()
        }
        (_, None) => strange(dice).to_string().into_bytes(),
    }
}

fn count(json: &Json) -> usize {
    1 + match json {
        Json::Array(items) => items.iter().map(count).sum::<usize>(),
        Json::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the node with this number; true when it was among these.
fn change(json: &mut Json, number: &mut usize, dice: &mut Dice) -> bool {
    if *number == 0 {
        match json {
            Json::Object(members) if dice.throw(2) == 0 => edit(members, dice),
            Json::Array(items) if dice.throw(2) == 0 && !items.is_empty() => {
                let at = dice.throw(items.len());
                if dice.throw(2) == 0 { drop(items.remove(at)) } else { items.push(items[at].clone()) }
            }
            other => *other = strange(dice),
        }
        return true;
    }
    *number -= 1;
    match json {
        Json::Array(items) => items.iter_mut().any(|item| change(item, number, dice)),
        Json::Object(members) => members.values_mut().any(|value| change(value, number, dice)),
        _ => false,
    }
}

/// A member is missing, has another name, or is there twice.
fn edit(members: &mut Map<String, Json>, dice: &mut Dice) {
    let names: Vec<String> = members.keys().cloned().collect();
    let Some(name) = names.get(dice.throw(names.len().max(1))) else { return };
    let value = members.remove(name).unwrap_or_default();
    if dice.throw(2) == 0 {
        members.insert(name.to_uppercase(), value);
    }
}

/// A value that is hardly ever right.
pub fn strange(dice: &mut Dice) -> Json {
    let deep = |levels: usize| (0..levels).fold(Json::Null, |inner, _| json!([inner]));
    let values = [
        Json::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(10.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("null"),
        json!("-1"),
        json!("99999999999999999999"),
        json!("0000-00-00"),
        json!("9999-12-31T23:59:59.999999999Z"),
        json!("-009999-01-01T00:00:00-25:59"),
        json!("2024-02-30T25:61:61+99:99"),
        json!("é\u{0}\u{202e}🦀\u{ffff}"),
        json!("x".repeat(70_000)),
        json!([]),
        json!({}),
        json!([[[[]]]]),
        json!({ "id": { "id": {} } }),
        deep(100),
        deep(120),
    ];
    values[dice.throw(values.len())].clone()
}
