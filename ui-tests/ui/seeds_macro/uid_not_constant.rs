fn main() {
    let uid = String::from("AppInit");
    let _ = worsen::seeds![(uid.as_str(), true)];
}
