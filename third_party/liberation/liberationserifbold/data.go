// Package liberationserifbold stands for a font that Impulse does not use.
package liberationserifbold

import "codeberg.org/go-fonts/liberation/liberationserifregular"

// TTF is the data of LiberationSerif Regular.
var TTF = liberationserifregular.TTF
