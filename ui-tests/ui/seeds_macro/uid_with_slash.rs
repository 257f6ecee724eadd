fn main() {
    let _ = worsen::seeds![("app/init", true)];
}
