package alertmanager

import (
	"errors"
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/scalers"
)

// parseStep reads +N or +N%. YAML reads +3 as the number 3, so the sign may be missing.
func parseStep(text string) (scalers.Increment, error) {
	digits, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	n, err := strconv.ParseInt(strings.TrimPrefix(digits, "+"), 10, 32)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return scalers.Increment{}, errors.New("is out of range")
	case err != nil:
		return scalers.Increment{}, errors.New("is no step")
	case n <= 0:
		return scalers.Increment{}, errors.New("adds nothing: a step raises")
	}
	return scalers.Increment{Amount: int32(n), Percent: percent}, nil
}
