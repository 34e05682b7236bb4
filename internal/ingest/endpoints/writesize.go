package endpoints

import "google.golang.org/protobuf/encoding/protowire"

// Upper bounds of the memory of a decoded write request, in bytes, with slices that are half empty: for a series or metadata, a symbol, a
// label, a sample, another part of a series (an exemplar, a histogram, metadata), for each byte of such a part, and for each byte of a list
// of references to symbols.
const (
	bytesPerSeries, bytesPerSymbol  = 512, 64
	bytesPerLabel, bytesPerSample   = 192, 224
	bytesPerPart, bytesPerPartByte  = 768, 48
	bytesPerReference, labelsNumber = 32, 1
	samplesNumber, symbolsNumber    = 2, 4
)

// writeSize returns an upper bound of the memory that a write request takes when it is decoded, in addition to its body. It finds the parts
// of the message without decoding them.
func writeSize(body []byte, version2 bool) (int64, error) {
	size := int64(len(body))
	err := eachPart(body, func(number protowire.Number, series []byte) error {
		if version2 && number == symbolsNumber {
			size += bytesPerSymbol
			return nil
		}
		size += bytesPerSeries
		return eachPart(series, func(number protowire.Number, part []byte) error {
			size += partSize(number, int64(len(part)), version2)
			return nil
		})
	})
	return size, err
}

// partSize returns the bound for a part of a series.
func partSize(number protowire.Number, length int64, version2 bool) int64 {
	switch {
	case number == labelsNumber && version2:
		return bytesPerReference * length
	case number == labelsNumber:
		return bytesPerLabel
	case number == samplesNumber:
		return bytesPerSample
	default:
		return bytesPerPart + bytesPerPartByte*length
	}
}

// eachPart calls each with the fields of a message that have a length.
func eachPart(message []byte, each func(number protowire.Number, part []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return protowire.ParseError(n)
		}
		if kind == protowire.BytesType {
			part, _ := protowire.ConsumeBytes(message)
			if err := each(number, part); err != nil {
				return err
			}
		}
		message = message[n:]
	}
	return nil
}
