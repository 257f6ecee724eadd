#!/usr/bin/env bash
# csscolorparser 0.9.0, feature `serde`.
# Expected: a `Color` of four f32 comes back from serde as it was.
# Seen: it is written as a hexadecimal colour of 8 bits a channel, also where it is translucent: 0.1 comes back as 0.101960786.
source "$(dirname "$0")/common.bash"

rust 'csscolorparser = { version = "=0.9.0", features = ["serde"] }' 'serde_json = "=1.0.154"' <<'END'
use csscolorparser::Color;

fn main() {
    let color = Color::new(0.1, 0.5, 1.0, 0.3);
    let text = serde_json::to_string(&color).unwrap();
    let read: Color = serde_json::from_str(&text).unwrap();
    println!("{:?} -> {text} -> {:?}", color.to_array(), read.to_array());
}
END
expect <<'END'
[0.1, 0.5, 1.0, 0.3] -> "#1a80ff4d" -> [0.101960786, 0.5019608, 1.0, 0.3019608]
END
