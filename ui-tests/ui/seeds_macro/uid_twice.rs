fn main() {
    let _ = worsen::seeds![
        ("AppInit", true),
        ("AppErrors", false),
        ("AppInit", false),
    ];
}
