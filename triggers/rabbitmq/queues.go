package rabbitmq

import (
	"errors"
	"fmt"

	"github.com/impulse-sh/impulse/triggers"
)

// queuePage is the answer of the management API to a regular expression.
type queuePage struct {
	Items    []*queueInfo `json:"items" required:"true"`
	Filtered *int64       `json:"filtered_count" required:"true"`
}

// queueInfo is a queue in an answer of the management API. The server omits numbers that it does not have (yet).
type queueInfo struct {
	Name  *string       `json:"name" required:"true"`
	State string        `json:"state"`
	Total *int64        `json:"messages"`
	Ready *int64        `json:"messages_ready"`
	Stats *messageStats `json:"message_stats"`
}

// messageStats has how many messages were published and delivered. It is omitted until there is one to count, and so is each number.
type messageStats struct {
	Published     *int64   `json:"publish"`
	PublishedRate *details `json:"publish_details"`
	Delivered     *int64   `json:"deliver_get"`
	DeliveredRate *details `json:"deliver_get_details"`
}

// details has the change of a number.
type details struct {
	Rate *float64 `json:"rate"`
}

var errNegative = errors.New("the answer has a negative number")

// unavailable are the states of a queue whose numbers are old or missing.
var unavailable = map[string]bool{
	"crashed": true, "down": true, "minority": true, "recovering": true, "stopped": true, "terminated": true, "timeout": true, "unavailable": true,
}

// queues returns the queues of a page, which must have all that match.
func (p *queuePage) queues(pageSize int64) ([]queue, error) {
	if err := triggers.CheckComplete(p); err != nil {
		return nil, err
	}
	if *p.Filtered > int64(len(p.Items)) {
		return nil, fmt.Errorf("%d queues match, and pageSize is %d: raise it (500 at most), or match fewer", *p.Filtered, pageSize)
	}
	all := make([]queue, len(p.Items))
	for i, info := range p.Items {
		var err error
		if all[i], err = info.queue(); err != nil {
			return nil, fmt.Errorf("queue %.100q: %w", *info.Name, err)
		}
	}
	return all, nil
}

// queue returns the numbers of a queue.
func (i *queueInfo) queue() (queue, error) {
	if err := triggers.CheckComplete(i); err != nil {
		return queue{}, err
	}
	if unavailable[i.State] {
		return queue{}, fmt.Errorf("its state is %s", i.State)
	}
	q := queue{name: *i.Name, total: i.Total, ready: i.Ready, stats: i.Stats != nil}
	if i.Stats != nil {
		q.published, q.delivered = rate(i.Stats.Published, i.Stats.PublishedRate), rate(i.Stats.Delivered, i.Stats.DeliveredRate)
	}
	for _, n := range []*int64{q.total, q.ready} {
		if n != nil && *n < 0 {
			return queue{}, errNegative
		}
	}
	for _, n := range []*float64{q.published, q.delivered} {
		if n != nil && *n < 0 {
			return queue{}, errNegative
		}
	}
	return q, nil
}

// rate returns the rate of a number. Without the number there was nothing to count.
func rate(total *int64, d *details) *float64 {
	switch {
	case d != nil:
		return d.Rate
	case total == nil:
		return new(float64)
	}
	return nil
}
