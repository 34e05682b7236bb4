package simulate

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"image/color"
	"io"
	"path/filepath"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/scalers"
)

// The size of a picture.
const (
	wide  = 32 * vg.Centimeter
	row   = 6 * vg.Centimeter
	marks = 400 // More marks would hide the line.
	// legendShare is the part of the time axis that is free for the legend.
	legendShare = 0.12
)

var errFormat = errors.New("is no picture that can be drawn: expected .png, .svg or .html")

// Plot draws the load and, for each track, the needed, wanted and ready replicas, with a mark where a rule began to hold the count back.
// The extension of the file's name is the format: png, svg or html; the error wraps errFormat for any other.
func Plot(w io.Writer, file string, m *Model, demand []Step, tracks []*Track) error {
	format := strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), ".")
	drawn := format
	switch format {
	case "png", "svg":
	case "html":
		drawn = "svg"
	default:
		return fmt.Errorf("%s %w", file, errFormat)
	}
	picture, err := picture(drawn, m, demand, tracks)
	if err != nil {
		return fmt.Errorf("draw %s: %w", file, err)
	}
	if format == "html" {
		picture, err = page(picture, tracks)
		if err != nil {
			return fmt.Errorf("draw %s: %w", file, err)
		}
	}
	_, err = w.Write(picture)
	return err
}

// picture draws the plots below each other: the load, then each track.
func picture(format string, m *Model, demand []Step, tracks []*Track) ([]byte, error) {
	plots := []*plot.Plot{loadPlot(m)}
	for _, t := range tracks {
		plots = append(plots, trackPlot(m, demand, t))
	}
	canvas, err := draw.NewFormattedCanvas(wide, row*vg.Length(len(plots)), format)
	if err != nil {
		return nil, err
	}
	rows := make([][]*plot.Plot, len(plots))
	for i, p := range plots {
		rows[i] = []*plot.Plot{p}
	}
	tiles := draw.Tiles{Rows: len(plots), Cols: 1, PadY: vg.Centimeter / 2, PadRight: vg.Centimeter, PadLeft: vg.Centimeter / 4, PadTop: vg.Centimeter / 4}
	for i, c := range plot.Align(rows, tiles, draw.New(canvas)) {
		plots[i].Draw(c[0])
	}
	var out bytes.Buffer
	_, err = canvas.WriteTo(&out)
	return out.Bytes(), err
}

// newPlot returns a plot over the time of a load.
func newPlot(title, unit string, m *Model) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.Y.Label.Text, p.Y.Min = title, unit, 0
	layout := "15:04"
	if m.Load.End().Sub(m.Load.Start()) > 36*time.Hour {
		layout = "01-02 15:04"
	}
	p.X.Tick.Marker = plot.TimeTicks{Format: layout}
	p.X.Min, p.X.Max = x(m.Load.Start()), x(m.Load.End())
	p.X.Max += (p.X.Max - p.X.Min) * legendShare
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	return p
}

func loadPlot(m *Model) *plot.Plot {
	p := newPlot("load: "+m.Column.Name, m.Column.Name, m)
	var points plotter.XYs
	for i, at := range m.Load.Times {
		if c := m.Column.Cells[i]; c.Answer == engine.Number {
			points = append(points, plotter.XY{X: x(at), Y: float64(c.Value) / 1000})
		}
	}
	line := &plotter.Line{XYs: points, LineStyle: plotter.DefaultLineStyle}
	line.Color = color.RGBA{0x33, 0x66, 0xcc, 0xff}
	p.Add(line)
	return p
}

func trackPlot(m *Model, demand []Step, t *Track) *plot.Plot {
	p := newPlot(t.Name, "replicas", m)
	end := m.Load.End()
	needed := steps(demand, end, color.RGBA{0xbb, 0xbb, 0xbb, 0xff}, 1.5)
	there := steps(t.Ready, end, color.RGBA{0x22, 0x88, 0x44, 0xff}, 0.8)
	wanted := steps(t.Wanted, end, color.RGBA{0xdd, 0x66, 0x11, 0xff}, 0.8)
	p.Add(needed, there, wanted)
	p.Legend.Add("needed", needed)
	p.Legend.Add("ready", there)
	p.Legend.Add("wanted", wanted)
	if points := ruleMarks(t.Marks); points != nil {
		p.Add(points)
		p.Legend.Add("a rule holds", points)
	}
	return p
}

// steps draws a count over time as steps.
func steps(of []Step, end scalers.Instant, c color.Color, width vg.Length) *plotter.Line {
	points := make(plotter.XYs, 0, len(of)+1)
	for _, s := range of {
		points = append(points, plotter.XY{X: x(s.At), Y: float64(s.N)})
	}
	if n := len(of); n > 0 {
		points = append(points, plotter.XY{X: x(end), Y: float64(of[n-1].N)})
	}
	line := &plotter.Line{XYs: points, StepStyle: plotter.PostStep, LineStyle: plotter.DefaultLineStyle}
	line.Color, line.Width = c, vg.Points(float64(width))
	return line
}

// ruleMarks draws the marks of rules, evenly thinned out when there are many; nil when there are none.
func ruleMarks(all []Mark) *plotter.Scatter {
	if len(all) == 0 {
		return nil
	}
	every := len(all)/marks + 1
	var points plotter.XYs
	for i := 0; i < len(all); i += every {
		points = append(points, plotter.XY{X: x(all[i].At), Y: float64(all[i].N)})
	}
	s := &plotter.Scatter{XYs: points, GlyphStyle: plotter.DefaultGlyphStyle}
	s.Color, s.Radius, s.Shape = color.RGBA{0xcc, 0x22, 0x22, 0xff}, vg.Points(1.6), draw.CircleGlyph{}
	return s
}

// x returns an instant on the time axis.
func x(t scalers.Instant) float64 { return float64(t) / 1e9 }

// page writes a picture and the table into one file. The picture is what the plotting library drew: it escapes the names in it.
func page(svg []byte, tracks []*Track) ([]byte, error) {
	var table bytes.Buffer
	if err := Table(&table, tracks, tracks[len(tracks)-1]); err != nil {
		return nil, err
	}
	if i := bytes.Index(svg, []byte("<svg")); i > 0 {
		svg = svg[i:] // Without the XML declaration.
	}
	return fmt.Appendf(nil, pageFormat, html.EscapeString(table.String()), svg), nil
}

// pageFormat is no html/template: with a template, the linker can drop no exported method of the whole binary.
const pageFormat = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>impulse simulate</title>
<style>body{font-family:sans-serif;margin:2em}pre{overflow-x:auto}svg{max-width:100%%;height:auto}</style></head>
<body><h1>impulse simulate</h1><pre>%s</pre>%s</body></html>
`
