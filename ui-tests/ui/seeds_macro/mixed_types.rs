fn main() {
    let _ = worsen::seeds![("AppInit", true), ("AppErrors", 0)];
}
