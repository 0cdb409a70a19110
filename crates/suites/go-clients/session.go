package main

import (
	stdcontext "context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// How long a call may go on with its retries.
const patience = 20 * time.Second

// A client of the server that the environment names, and the number of requests it made.
type session struct {
	client            sls.ClientInterface
	http              *http.Client
	endpoint          string
	credentials       sls.CredentialsProvider
	version           sls.AuthVersionType
	region            string
	project, logstore string
	requests          *atomic.Int64
}

func newSession() (*session, error) {
	requests := new(atomic.Int64)
	transport, err := towardsServer(os.Getenv("http_proxy"), os.Getenv("SLS_ROUTE"))
	if err != nil {
		return nil, err
	}
	session := &session{
		http:     &http.Client{Transport: counted{transport, requests}, Timeout: patience},
		endpoint: os.Getenv("SLS_ENDPOINT"),
		credentials: sls.NewStaticCredentialsProvider(
			os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
			os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
			os.Getenv("ALIBABA_CLOUD_SECURITY_TOKEN"),
		),
		version:  sls.AuthVersionType(os.Getenv("SLS_AUTH_VERSION")),
		region:   os.Getenv("SLS_REGION"),
		project:  os.Getenv("SLS_PROJECT"),
		logstore: os.Getenv("SLS_LOGSTORE"),
		requests: requests,
	}
	session.client = session.connect(session.credentials)
	return session, nil
}

// Another client for the same server.
func (s *session) connect(credentials sls.CredentialsProvider) sls.ClientInterface {
	client := sls.CreateNormalInterfaceV2(s.endpoint, credentials)
	client.SetHTTPClient(s.http)
	client.SetRetryTimeout(patience)
	client.SetAuthVersion(s.version)
	if s.region != "" {
		client.SetRegion(s.region)
	}
	return client
}

// Ends a program: prints what it found.
func (s *session) answer(found any) error {
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"calls":  s.requests.Load(),
		"result": found,
	})
}

// The names below `localhost` do not resolve everywhere, so that connections are led to the
// server by address; by the other route it is asked as a proxy.
func towardsServer(server, route string) (*http.Transport, error) {
	address, err := url.Parse(server)
	if err != nil || address.Host == "" {
		return nil, fmt.Errorf("http_proxy is no address: %q", server)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if route == "proxy" {
		transport.Proxy = http.ProxyURL(address)
		return transport, nil
	}
	transport.Proxy = nil
	dialer := &net.Dialer{Timeout: patience}
	transport.DialContext = func(ctx stdcontext.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address.Host)
	}
	return transport, nil
}

type counted struct {
	transport http.RoundTripper
	requests  *atomic.Int64
}

func (c counted) RoundTrip(request *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.transport.RoundTrip(request)
}

// Reads standard input.
func input(into any) error {
	return json.NewDecoder(os.Stdin).Decode(into)
}

// The service's code for a refusal, nil for none; every other error is a failure.
func refused(err error) (any, error) {
	var refusal *sls.Error
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &refusal) && refusal.HTTPCode > 0:
		return refusal.Code, nil
	default:
		return nil, err
	}
}
