package endpoints

import "google.golang.org/protobuf/encoding/protowire"

// Upper bounds of the memory of a decoded write request, in bytes, with slices that are half empty: for a series or metadata, a symbol, a
// label, a sample, another part of a series (an exemplar, a histogram, metadata), for each byte of such a part, for a reference to a symbol,
// and for each byte of the message, of which strings and unknown fields are copies.
const (
	bytesPerSeries, bytesPerSymbol  = 512, 64
	bytesPerLabel, bytesPerSample   = 192, 224
	bytesPerPart, bytesPerPartByte  = 768, 48
	bytesPerReference, bytesPerByte = 32, 2
)

// The numbers of fields: of the labels and samples of a series, and of the symbols of a message of version 2.0.
const labelsNumber, samplesNumber, symbolsNumber = 1, 2, 4

// writeSize returns an upper bound of the memory that a write request takes when it is decoded, in addition to its body. It finds the parts
// of the message without decoding them.
func writeSize(body []byte, version2 bool) (int64, error) {
	size := bytesPerByte * int64(len(body))
	err := eachField(body, func(number protowire.Number, kind protowire.Type, series []byte) error {
		switch {
		case kind != protowire.BytesType:
			return nil // It is unknown.
		case version2 && number == symbolsNumber:
			size += bytesPerSymbol
			return nil
		}
		size += bytesPerSeries
		return eachField(series, func(number protowire.Number, kind protowire.Type, part []byte) error {
			size += partSize(number, kind, int64(len(part)), version2)
			return nil
		})
	})
	return size, err
}

// partSize returns the bound for a field of a series, in addition to its bytes.
func partSize(number protowire.Number, kind protowire.Type, length int64, version2 bool) int64 {
	switch {
	case number == labelsNumber && version2 && kind == protowire.VarintType:
		return bytesPerReference // A list of numbers may also be written as one field for each.
	case kind != protowire.BytesType:
		return 0
	case number == labelsNumber && version2:
		return bytesPerReference * length // A reference has at least one byte.
	case number == labelsNumber:
		return bytesPerLabel
	case number == samplesNumber:
		return bytesPerSample
	default:
		return bytesPerPart + bytesPerPartByte*length
	}
}

// eachField calls each with the fields of a message. The value of a field of the type bytes is given without its length.
func eachField(message []byte, each func(number protowire.Number, kind protowire.Type, value []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return protowire.ParseError(n)
		}
		value := message[:n]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(message)
		}
		if err := each(number, kind, value); err != nil {
			return err
		}
		message = message[n:]
	}
	return nil
}
