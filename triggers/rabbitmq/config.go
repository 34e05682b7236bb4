package rabbitmq

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of a rabbitmq trigger.
type Config struct {
	QueueName             string        `json:"queueName" required:"true" doc:"Name of the queue, or with useRegex a regular expression that matches names of queues."`
	Host                  string        `json:"host" doc:"URL of the server: amqp://HOST:5672/VHOST or amqps:// for AMQP, http://HOST:15672/VHOST or https:// for the management API. Without it, the authenticationRef must have it. Everybody who may read the object can read a password in it."`
	Protocol              string        `json:"protocol" doc:"amqp, http, or auto for the one of the host."`
	VhostName             string        `json:"vhostName" doc:"Virtual host of the queue, instead of the one in the host."`
	Mode                  string        `json:"mode" doc:"What the level is: QueueLength (messages), MessageRate (published messages per second), DeliverGetRate (delivered messages per second), PublishedToDeliveredRatio or ExpectedQueueConsumptionTime (seconds). All but QueueLength need http. With value it is required."`
	Value                 scalers.Milli `json:"value" doc:"Target level: of one replica with metricType AverageValue, of the workload with Value. Without it and queueLength, it is 20 messages. With mode it is required."`
	ActivationValue       scalers.Milli `json:"activationValue" doc:"The trigger is active above this level. This matters only for a workload with an idle count (idleReplicaCount, or 0 with minReplicaCount: 0)."`
	QueueLength           scalers.Milli `json:"queueLength" doc:"Old form, instead of mode and value: the mode QueueLength with this number as its value."`
	ExcludeUnacknowledged bool          `json:"excludeUnacknowledged" doc:"With http, count only messages that are ready for delivery, and not those that are delivered and not acknowledged. AMQP never counts the latter."`
	UseRegex              bool          `json:"useRegex" doc:"Read all queues of the virtual host whose names match queueName. It needs http."`
	Operation             string        `json:"operation" doc:"With useRegex, how the numbers of several queues become one: sum, avg or max."`
	PageSize              int64         `json:"pageSize" doc:"With useRegex, the maximum number of queues, at most 500. If more match, the level is unknown."`
	Timeout               time.Duration `json:"timeout" doc:"Maximum duration of one reading, such as 2s or 500ms. Without it, it is 3s with http and 10s with AMQP."`
	UnsafeSSL             bool          `json:"unsafeSsl" doc:"With amqps or https, accept any certificate."`
}

// The values of mode.
const (
	queueLength     = "QueueLength"
	messageRate     = "MessageRate"
	deliverGetRate  = "DeliverGetRate"
	publishedRatio  = "PublishedToDeliveredRatio"
	consumptionTime = "ExpectedQueueConsumptionTime"
)

// rates returns the modes that need rates, which only the management API has.
func rates() []string {
	return []string{messageRate, deliverGetRate, publishedRatio, consumptionTime}
}

// The values of protocol. A place has one of the first two.
const (
	amqpProtocol = "amqp"
	httpProtocol = "http"
	autoProtocol = "auto"
)

// The values of operation.
const (
	sumOperation = "sum"
	avgOperation = "avg"
	maxOperation = "max"
)

const (
	// defaultValue is KEDA's target for a trigger that names none.
	defaultValue scalers.Milli = 20_000
	// maxPageSize is the largest page that the management API returns.
	maxPageSize = 500
)

// defaults returns the config for empty metadata.
func defaults() Config { return Config{Protocol: autoProtocol, Operation: sumOperation, PageSize: 100} }

// Validate returns all mistakes.
func (c Config) Validate() error {
	return errors.Join(
		c.checkHost(), oneOf("protocol", c.Protocol, autoProtocol, amqpProtocol, httpProtocol), c.checkTarget(), c.checkProtocol(),
		oneOf("operation", c.Operation, sumOperation, avgOperation, maxOperation), c.checkLimits(),
	)
}

// Trigger divides the level by the target.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: cmp.Or(c.Value, c.QueueLength, defaultValue), Activation: c.ActivationValue}
}

// Servers returns the server in the metadata that receives the credentials. A server in the authenticationRef is not one: the author of
// the credentials has chosen it.
func (c Config) Servers() []string {
	p, problem := parse(c.Host)
	if c.Host == "" || problem != "" {
		return nil
	}
	return []string{p.address}
}

// mode returns what the level is.
func (c Config) mode() string { return cmp.Or(c.Mode, queueLength) }

func (c Config) checkHost() error {
	if c.Host == "" {
		return nil // The authenticationRef has it.
	}
	if _, problem := parse(c.Host); problem != "" {
		return invalid("host", problem, "write amqp://HOST:5672/VHOST or http://HOST:15672/VHOST")
	}
	return nil
}

// checkTarget checks mode, value and queueLength.
func (c Config) checkTarget() error {
	switch {
	case c.QueueLength != 0 && (c.Mode != "" || c.Value != 0):
		return invalid("queueLength", "is the old form of mode and value, and cannot be used with them", "write only mode and value")
	case c.QueueLength < 0:
		return invalid("queueLength", "must be above 0", "")
	case c.Value < 0:
		return invalid("value", "must be above 0", "")
	case c.Mode == "" && c.Value != 0:
		return invalid("mode", "is required with value", "write QueueLength")
	case c.Mode != "" && c.Value == 0:
		return errors.Join(invalid("value", "is required with mode, and must be above 0", ""), c.checkMode())
	}
	return c.checkMode()
}

func (c Config) checkMode() error {
	return oneOf("mode", c.mode(), append(rates(), queueLength)...)
}

// checkProtocol checks what needs http, as far as the metadata say which protocol is used.
func (c Config) checkProtocol() error {
	protocol := c.Protocol
	if p, problem := parse(c.Host); c.Host != "" && problem == "" {
		if problem := p.conflict(c.Protocol); problem != "" {
			return invalid("protocol", problem, "write auto")
		}
		protocol = p.protocol
	}
	if protocol != amqpProtocol {
		return nil
	}
	var all []error
	for _, field := range c.onlyHTTP() {
		all = append(all, invalid(field, "needs the management API", "write a host such as http://HOST:15672/VHOST"))
	}
	return errors.Join(all...)
}

// onlyHTTP returns the parameters whose values AMQP cannot serve.
func (c Config) onlyHTTP() []string {
	var fields []string
	if slices.Contains(rates(), c.mode()) {
		fields = append(fields, "mode")
	}
	if c.UseRegex {
		fields = append(fields, "useRegex")
	}
	return fields
}

func (c Config) checkLimits() error {
	var all []error
	if c.PageSize < 1 {
		all = append(all, invalid("pageSize", "must be above 0", ""))
	}
	if c.Timeout < 0 {
		all = append(all, invalid("timeout", "must not be below 0", ""))
	}
	return errors.Join(all...)
}

// oneOf returns a mistake unless value is one of allowed.
func oneOf(field, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return invalid(field, fmt.Sprintf("%.100q is not supported", value), "write "+strings.Join(allowed, ", "))
}

func invalid(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
