//! Who may do what: decided here, once, for every dialect and carrier.
