using Spikeformer.Data.Events;

namespace Spikeformer.Data.Synthetic;

/// <summary>The gestures of the synthetic camera, named after those of DVS128 Gesture.</summary>
internal enum SyntheticGesture
{
    HandClap, RightHandWave, LeftHandWave, RightArmClockwise, RightArmCounterClockwise, LeftArmClockwise, LeftArmCounterClockwise,
    ArmRoll, AirDrums, AirGuitar, Other,
}

/// <summary>A bright, textured disc at one moment.</summary>
/// <param name="X">Column of the centre, pixels.</param>
/// <param name="Y">Row of the centre, pixels.</param>
/// <param name="Radius">Pixels.</param>
internal readonly record struct Patch(double X, double Y, double Radius);

/// <summary>One performance of a gesture, which gives the position of its patches (hands, elbows) at each moment. Place, size, tempo, phase and
/// amplitude are drawn per sample from the same distributions for every class, so that only the movement reveals the class, not the place.</summary>
/// <remarks>Uses only addition, multiplication, division and floor, so the bits are the same on every machine.</remarks>
internal readonly struct GesturePerformance
{

    private readonly SyntheticGesture _gesture;
    private readonly double _x, _y, _amplitude, _hand, _phase, _cycles, _tilt;

    /// <summary>Draws a performance.</summary>
    /// <param name="gesture">The gesture.</param>
    /// <param name="sensor">The sensor. Lengths scale with its shorter side.</param>
    /// <param name="random">The keyed stream of the sample.</param>
    public GesturePerformance(SyntheticGesture gesture, SensorSize sensor, ref KeyedRandom random)
    {
        double side = Math.Min(sensor.Width, sensor.Height);
        _gesture = gesture;
        _x = sensor.Width * 0.5 + side * random.NextDouble(-0.07, 0.07);
        _y = sensor.Height * 0.5 + side * random.NextDouble(-0.07, 0.07);
        _amplitude = side * random.NextDouble(0.21, 0.26);
        _hand = side * random.NextDouble(0.075, 0.105);
        _phase = 0.25 + random.NextDouble(-0.08, 0.08);
        _cycles = random.NextDouble(0.95, 1.1);
        _tilt = random.NextDouble(-0.04, 0.04);
    }

    /// <summary>Returns the two patches at a moment.</summary>
    /// <param name="time">0 at the start of the recording, 1 at its end.</param>
    public (Patch First, Patch Second) At(double time)
    {
        double turn = _phase + _cycles * time;
        switch (_gesture)
        {
            case SyntheticGesture.HandClap:
                double gap = 0.8 + 0.4 * Turns.Sin(1.5 * turn);
                return (Hand(-gap, 0), Hand(gap, 0));
            case SyntheticGesture.RightHandWave: return Wave(turn, 1);
            case SyntheticGesture.LeftHandWave: return Wave(turn, -1);
            case SyntheticGesture.RightArmClockwise: return Arm(turn, 1);
            case SyntheticGesture.RightArmCounterClockwise: return Arm(-turn, 1);
            case SyntheticGesture.LeftArmClockwise: return Arm(turn, -1);
            case SyntheticGesture.LeftArmCounterClockwise: return Arm(-turn, -1);
            case SyntheticGesture.ArmRoll:
                (double sin, double cos) = (Turns.Sin(turn), Turns.Cos(turn));
                return (Hand(0.7 * cos, 0.7 * sin), Hand(-0.7 * cos, -0.7 * sin));
            case SyntheticGesture.AirDrums:
                double beat = Turns.Sin(turn);
                return (Hand(-0.8, beat), Hand(0.8, -beat));
            case SyntheticGesture.AirGuitar:
                return (Hand(-0.8 + 0.5 * Turns.Sin(turn), -0.5), Hand(0.7, 0.4 + 0.7 * Turns.Sin(2.5 * turn)));
            default:
                double sway = 0.4 * Turns.Sin(1.5 * turn);
                return (Hand(sway - 0.8, 0), Hand(sway + 0.8, 0));
        }
    }

    /// <summary>A hand swings to and fro above its elbow, and the elbow sways beside the body.</summary>
    private (Patch, Patch) Wave(double turn, double side)
    {
        double swing = Turns.Sin(1.5 * turn);
        return (Hand(0.3 * side + swing, -0.5 + 0.35 * swing * swing), Hand(0.3 * side + (0.3 * swing - 0.9 * side), 0.8));
    }

    /// <summary>A hand circles, and the elbow follows at half the size beside the body.</summary>
    private (Patch, Patch) Arm(double turn, double side)
    {
        (double sin, double cos) = (Turns.Sin(turn), Turns.Cos(turn));
        return (Hand(0.5 * side + cos, sin), Hand(0.5 * (cos - 1.6 * side) - 0.5 * side, 0.5 * sin));
    }

    private Patch Hand(double x, double y)
    {
        // Rotates the whole scene by a small angle; the axes stay perpendicular to first order.
        double tilt = 6.283185307179586 * _tilt;
        return new(_x + _amplitude * (x - tilt * y), _y + _amplitude * (y + tilt * x), _hand);
    }
}

/// <summary>Sine and cosine of an angle in turns, by a fixed polynomial. The functions of libm differ in the last bit between machines.</summary>
internal static class Turns
{
    /// <summary>Sine, error below 1e-7.</summary>
    public static double Sin(double turn)
    {
        double r = turn - Math.Floor(turn + 0.5);
        if (r > 0.25) r = 0.5 - r;
        else if (r < -0.25) r = -0.5 - r;
        double x = 6.283185307179586 * r, s = x * x;
        return x * (1 + s * (-1.0 / 6 + s * (1.0 / 120 + s * (-1.0 / 5040 + s * (1.0 / 362880 + s * (-1.0 / 39916800))))));
    }

    /// <summary>Cosine, error below 1e-7.</summary>
    public static double Cos(double turn) => Sin(turn + 0.25);
}
