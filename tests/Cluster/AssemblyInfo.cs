using Xunit.Sdk;
using Xunit.v3;

// Each test runs its own processes; in parallel they would slow each other down.
[assembly: Parallelization(Mode = ParallelMode.None)]
