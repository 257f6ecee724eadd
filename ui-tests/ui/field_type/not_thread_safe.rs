use std::rc::Rc;

use worsen::Store;

#[derive(Store)]
struct State {
    label: Rc<String>,
}

fn main() {}
