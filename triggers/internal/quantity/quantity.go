package quantity

import (
	"math"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/impulse-sh/impulse/scalers"
)

// Milli returns a quantity in thousandths, saturating. Digits beyond thousandths are rounded away from zero. It returns false for a
// quantity that was absent or null: that is decoded as the zero Quantity, which has no format, whereas a quantity of 0 has one.
func Milli(q resource.Quantity) (scalers.Milli, bool) {
	switch {
	case q.Format == "":
		return 0, false
	case q.Sign() < 0: // MilliValue may round a negative quantity of many digits towards zero, or to 1.
		q = q.DeepCopy()
		q.Neg()
		value, _ := Milli(q)
		return -value, true
	case q.CmpInt64(math.MaxInt64/1000) > 0: // MilliValue is 0 then.
		return math.MaxInt64, true
	default:
		return scalers.Milli(q.MilliValue()), true
	}
}
