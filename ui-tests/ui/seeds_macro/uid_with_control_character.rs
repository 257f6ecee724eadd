fn main() {
    let _ = worsen::seeds![("app\tinit", true)];
}
