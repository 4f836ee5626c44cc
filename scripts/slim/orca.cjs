// Load figures in the trailers of answers: the daemon's server sends none.
module.exports = { PerRequestMetricRecorder: class {}, GRPC_METRICS_HEADER: 'endpoint-load-metrics-bin' };
