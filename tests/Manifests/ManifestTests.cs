using Xunit;

namespace Spikeformer.Manifests;

public sealed class ManifestTests
{
    public static TheoryData<string> Overlays { get; } = [.. Rendered.Overlays];

    [Theory]
    [MemberData(nameof(Overlays))]
    public void An_overlay_with_the_example_job_breaks_no_rule(string overlay) => Assert.Empty(ManifestRules.Problems(Rendered.Overlay(overlay)));

    [Theory]
    // Strict loading.
    [InlineData("  minReadySeconds: 30", "  minReadySecond: 30", "minReadySecond")]
    [InlineData("  minReadySeconds: 30", "  minReadySeconds: soon", "soon")]
    [InlineData("  minReadySeconds: 30", "  minReadySeconds: 30\n  minReadySeconds: 31", "uplicate")]
    [InlineData("kind: PodDisruptionBudget", "kind: PodDisruptionBudgets", "PodDisruptionBudgets")]
    // Required fields and words.
    [InlineData("        - containerPort: 11111\n          name: silo\n", "        - containerPort: 11111\n", "Name is missing")]
    [InlineData("        image: redis:7.2.5\n", "", "Image is missing")]
    [InlineData("  serviceName: spikeformer-redis\n", "", "ServiceName is missing")]
    [InlineData("whenUnsatisfiable: DoNotSchedule", "whenUnsatisfiable: Sometimes", "'Sometimes' is none of")]
    // Images, resources, security.
    [InlineData("image: redis:7.2.5", "image: redis:latest", "has no fixed tag")]
    [InlineData("image: redis:7.2.5", "image: redis", "has no fixed tag")]
    [InlineData("image: spikeformer-cpu:", "image: spikeformer-cpu:1", "is not of version")]
    [InlineData("image: spikeformer-cuda:", "image: spikeformer-cuda:1", "is not of version")]
    [InlineData("            memory: 1Gi\n", "            cpu: 1\n            memory: 1Gi\n", "a limit on CPU")]
    [InlineData("          limits:\n            memory: 1Gi\n", "", "has no limit on memory")]
    [InlineData("          requests:\n            cpu: 250m\n", "          requests:\n", "requests no CPU")]
    [InlineData("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "needs a read-only root")]
    [InlineData("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "needs a read-only root")]
    [InlineData("            - ALL", "            - NET_RAW", "needs a read-only root")]
    [InlineData("        runAsNonRoot: true\n", "", "a user other than root")]
    [InlineData("          type: RuntimeDefault", "          type: Unconfined", "a user other than root")]
    [InlineData("      automountServiceAccountToken: false\n", "", "mounts a token")]
    [InlineData("      enableServiceLinks: false\n", "", "environment variables of services")]
    // Probes.
    [InlineData("            path: /health/live\n", "            path: /health/alive\n", "the liveness probe must ask /health/live")]
    [InlineData("        readinessProbe:\n          httpGet:\n            path: /health/ready\n            port: http\n          periodSeconds: 5\n", "", "has no readiness probe")]
    [InlineData("            path: /health/startup\n            port: http", "            path: /health/startup\n            port: web", "the startup probe asks port web")]
    // What a pod names.
    [InlineData("claimName: runs", "claimName: run", "there is no volume claim run")]
    [InlineData("        - mountPath: /cache\n          name: cache\n", "", "nothing mounts the volume cache")]
    [InlineData("          name: cache\n", "          name: cash\n", "mounts cash, which is no volume of it")]
    [InlineData("serviceAccountName: spikeformer", "serviceAccountName: default", "there is no service account default")]
    [InlineData("            name: spikeformer-silo-", "            name: other-", "there is no ConfigMap other-")]
    [InlineData("key: password", "key: secret", "no document tells of the secret")]
    [InlineData("$(REDIS_PASSWORD)", "$(PASSWORD)", "needs PASSWORD before it")]
    // Settings and command lines.
    [InlineData("  Spikeformer__DataPort: ", "  Spikeformer__DataPorts: ", "there is no such setting")]
    [InlineData("Spikeformer__DataPort: \"12000\"", "Spikeformer__DataPort: \"12100\"", "the port data is not 12100")]
    [InlineData("          value: control", "          value: controller", "is not a role")]
    [InlineData("          value: cuda", "          value: cpu:1", "do not fit")]
    [InlineData("      - effect: NoSchedule\n        key: nvidia.com/gpu", "      - effect: NoSchedule\n        key: other", "does not tolerate the taint")]
    [InlineData("Spikeformer__StateDirectory: /state", "Spikeformer__StateDirectory: /srv", "/srv is not writable")]
    [InlineData("fieldPath: metadata.name", "fieldPath: spec.nodeName", "the silo's name and address must be the pod's")]
    [InlineData("        - name: Spikeformer__AdvertisedAddress\n", "        - name: ADDRESS\n", "the silo's name and address must be the pod's")]
    [InlineData("Spikeformer__Checkpoints: s3://", "Spikeformer__Checkpoints: s3:///", "s3://BUCKET/PREFIX")]
    [InlineData("Spikeformer__S3__Region: ", "Spikeformer__S3__Regoin: ", "did you mean 'Region'?")]
    [InlineData("key: secret-access-key", "key: secret-key", "no document tells of the secret spikeformer-object-store")]
    [InlineData("        - name: AWS_SECRET_ACCESS_KEY\n", "        - name: AWS_SECRET_KEY\n", "without credentials")]
    [InlineData("        cidr: 0.0.0.0/0\n", "        cidr: 10.0.0.0/8\n", "no NetworkPolicy lets them out")]
    [InlineData("        - name: Spikeformer__Redis\n", "        - name: REDIS\n", "several silos need Redis")]
    [InlineData("        - --recipe\n", "        - --recipes\n", "--recipes")]
    [InlineData("        - demo\n        - --name", "        - demonstration\n        - --name", "demonstration")]
    [InlineData("value: spikeformer:30000", "value: spikeformer:30001", "there is no service spikeformer with port 30001")]
    [InlineData("        - containerPort: 11111\n", "        - containerPort: 11119\n", "the port silo is not 11111")]
    // TLS.
    [InlineData("        - name: Spikeformer__Tls__Key\n", "        - name: Spikeformer__Tls__Keys\n", "Spikeformer__Tls__Keys: there is no such setting")]
    [InlineData("        - name: Spikeformer__Tls__Authority\n", "        - name: AUTHORITY\n", "Spikeformer__Tls__Authority: it is missing")]
    [InlineData("        - name: SPIKEFORMER_TLS_KEY\n", "        - name: KEY\n", "speaks no TLS where others do: SPIKEFORMER_TLS_KEY is missing")]
    [InlineData("          value: /tls/tls.key\n", "          value: /tls/tls.pem\n", "Spikeformer__Tls__Key = /tls/tls.pem is no file of a secret that is mounted there")]
    [InlineData("        - mountPath: /tls\n", "        - mountPath: /certificates\n", "is no file of a secret that is mounted there")]
    [InlineData("secretName: spikeformer-client-tls", "secretName: spikeformer-clients", "no document tells of the secret spikeformer-clients")]
    // Rollouts.
    [InlineData("      maxSurge: 0", "      maxSurge: 1", "maxSurge must be 0")]
    [InlineData("      maxUnavailable: 1", "      maxUnavailable: 2", "maxUnavailable must be 1")]
    [InlineData("terminationGracePeriodSeconds: 120", "terminationGracePeriodSeconds: 90", "a silo may take 90 s to leave")]
    // Selectors and ports.
    [InlineData("    matchLabels:\n      app.kubernetes.io/component: control\n", "    matchLabels:\n      app.kubernetes.io/component: controller\n", "the selector does not fit its own pods")]
    [InlineData("  maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: spikeformer\n", "  maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: spike\n", "no PodDisruptionBudget covers it")]
    [InlineData("  serviceName: spikeformer-redis", "  serviceName: redis", "there is no service redis")]
    [InlineData("      - labelSelector:\n          matchLabels:\n            app.kubernetes.io/component: control\n", "      - labelSelector:\n          matchLabels:\n            app.kubernetes.io/component: node\n", "spreads pods that are not its own")]
    [InlineData("      app.kubernetes.io/name: spikeformer-client\n  policyTypes", "      app.kubernetes.io/name: clients\n  policyTypes", "NetworkPolicy client: a selector fits no pod")]
    [InlineData("  policyTypes:\n  - Ingress\n  - Egress\n", "  policyTypes:\n  - Egress\n", "no NetworkPolicy says who may reach it")]
    [InlineData("    targetPort: gateway", "    targetPort: gate", "no container has its port gate")]
    [InlineData("  clusterIP: None\n", "  type: LoadBalancer\n", "must be headless")]
    [InlineData("    ports:\n    - port: 11111\n", "    ports:\n    - port: 11119\n", "no container has the port 11119")]
    [InlineData("  - from:\n    - podSelector:\n        matchLabels:\n          app.kubernetes.io/name: spikeformer\n    ports:\n    - port: 6379\n", "  - ports:\n    - port: 6379\n", "lets everybody in")]
    [InlineData("  policyTypes:\n  - Ingress\n  - Egress\n", "  policyTypes:\n  - Ingress\n", "no NetworkPolicy says whom it may reach")]
    [InlineData("    port: http\n  selector", "    port: metrics\n  selector", "a container has no port metrics")]
    [InlineData("    path: /metrics", "    path: /metric", "metrics are at /metrics")]
    [InlineData("    - port: 8080", "    - port: 30000", "no NetworkPolicy lets Prometheus in")]
    // Names, metrics.
    [InlineData("  namespace: spikeformer\n", "  namespace: other\n", "not everything is in one namespace")]
    [InlineData("  name: data\n  namespace", "  name: runs\n  namespace", "is there twice")]
    [InlineData("automountServiceAccountToken: false\nkind: ServiceAccount\n", "kind: Secret\n", "secrets do not belong into manifests")]
    [InlineData("(spikeformer_nonfinite_steps_total[15m]", "(spikeformer_infinite_steps_total[15m]", "there is no metric spikeformer_infinite_steps_total")]
    public void A_manifest_with_one_thing_wrong_is_refused(string right, string wrong, string problem)
    {
        string text = Rendered.Overlay("prod");
        int at = text.IndexOf(right, StringComparison.Ordinal);
        Assert.True(at >= 0, $"The manifests do not hold {right}");
        Assert.Contains(ManifestRules.Problems(text[..at] + wrong + text[(at + right.Length)..]), found => found.Contains(problem, StringComparison.Ordinal));
    }
}
