//! The cases of `seeds_macro/` without their mistakes. Each module is the twin of the file with its name.

mod uid_twice {
    fn _seeds() {
        let _ = worsen::seeds![
            ("AppInit", true),
            ("AppErrors", false),
            ("AppWarnings", false),
        ];
    }
}

mod mixed_types {
    fn _seeds() {
        let _ = worsen::seeds![("AppInit", true), ("AppErrors", false)];
    }
}

mod uid_empty {
    fn _seeds() {
        let _: [(&str, bool); 1] = worsen::seeds![("AppInit", true)];
    }
}

mod uid_with_control_character {
    fn _seeds() {
        let _ = worsen::seeds![("app init", true)];
    }
}

mod uid_not_constant {
    const UID: &str = "AppInit";

    fn _seeds() {
        let _ = worsen::seeds![(UID, true)];
    }
}
