package scalers

// Milli is a quantity in thousandths.
type Milli int64
