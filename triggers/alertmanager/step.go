package alertmanager

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/scalers"
)

// parseStep reads +N or +N%. YAML reads +3 as the number 3, so the sign may be missing.
func parseStep(text string) (scalers.Increment, error) {
	digits, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	n, err := strconv.ParseInt(strings.TrimPrefix(digits, "+"), 10, 32)
	switch {
	case errors.Is(err, strconv.ErrRange) && n > 0: // ParseInt has returned the nearest number that fits.
		return scalers.Increment{}, fmt.Errorf("is above %d, the largest number that is possible", n)
	case n < 0, n == 0 && err == nil:
		return scalers.Increment{}, errors.New("adds nothing: a step raises")
	case err != nil:
		return scalers.Increment{}, errors.New("is not a step")
	}
	return scalers.Increment{Amount: int32(n), Percent: percent}, nil
}
