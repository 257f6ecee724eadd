fn main() {
    let _ = worsen::seeds![("", true)];
}
