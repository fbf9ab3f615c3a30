"""The same networks and train step in plain PyTorch, for comparison of speed.

Weights are random and upsampling is PyTorch's own bilinear one, so pictures differ; the arithmetic
is the same.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm


def conv(inputs, outputs, size=3, stride=1, groups=1, padding=(1, 1, 1, 1)):
    layers = [nn.ReflectionPad2d(padding)] if size == 3 else []
    layers.append(nn.Conv2d(inputs, outputs, size, stride, groups=groups, bias=False))
    return nn.Sequential(*layers)


def conv_norm(inputs, outputs, size=3):
    return nn.Sequential(conv(inputs, outputs, size), *norm_act(outputs))


def norm_act(channels):
    return nn.InstanceNorm2d(channels, affine=True), nn.LeakyReLU(0.2)


def separable(inputs, outputs, stride=1):
    padding = (1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1)
    return nn.Sequential(
        conv(inputs, inputs, 3, stride, inputs, padding),
        conv(inputs, outputs, 1),
        *norm_act(outputs),
    )


class Down(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.strided, self.resized = separable(inputs, outputs, 2), separable(inputs, outputs)

    def forward(self, x):
        return self.strided(x) + self.resized(F.interpolate(x, scale_factor=0.5, mode="bilinear"))


class InvertedResidual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.block = nn.Sequential(
            conv_norm(4 * width, 8 * width, 1),
            conv(8 * width, 8 * width, groups=8 * width),
            *norm_act(8 * width),
            conv(8 * width, 4 * width, 1),
            nn.InstanceNorm2d(4 * width, affine=True),
        )

    def forward(self, x):
        return x + self.block(x)


def generator(width=64):
    w = width
    return nn.Sequential(
        conv_norm(3, w),
        conv_norm(w, w),
        Down(w, 2 * w),
        conv_norm(2 * w, 2 * w),
        separable(2 * w, 2 * w),
        Down(2 * w, 4 * w),
        conv_norm(4 * w, 4 * w),
        *[InvertedResidual(w) for _ in range(8)],
        conv_norm(4 * w, 4 * w),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        separable(4 * w, 2 * w),
        separable(2 * w, 2 * w),
        conv_norm(2 * w, 2 * w),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        separable(2 * w, 2 * w),
        conv_norm(2 * w, w),
        conv_norm(w, w),
        conv(w, 3, 1),
        nn.Tanh(),
    )


def discriminator(width=64):
    def sn(inputs, outputs, stride=1):
        return spectral_norm(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False))

    w, act = width, nn.LeakyReLU(0.2)
    return nn.Sequential(
        sn(3, w // 2),
        act,
        sn(w // 2, w, 2),
        act,
        sn(w, 2 * w),
        *norm_act(2 * w),
        sn(2 * w, 2 * w, 2),
        act,
        sn(2 * w, 4 * w),
        *norm_act(4 * w),
        sn(4 * w, 4 * w),
        *norm_act(4 * w),
        sn(4 * w, 1),
    )


def vgg19():
    layers, inputs = [], 3
    for channels, count in ((64, 2), (128, 2), (256, 4), (512, 4)):
        for _ in range(count):
            layers += [nn.Conv2d(inputs, channels, 3, 1, 1), nn.ReLU()]
            inputs = channels
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers[:-2]).requires_grad_(False)


class TrainStep:
    """One update of both networks: five passes of the discriminator, four of VGG19, eager."""

    def __init__(self, width=64):
        self.generator, self.discriminator = generator(width), discriminator(width)
        self.vgg19 = vgg19()
        self.g_optimizer = torch.optim.Adam(self.generator.parameters(), 8e-5, (0.5, 0.999))
        self.d_optimizer = torch.optim.Adam(self.discriminator.parameters(), 1.6e-4, (0.5, 0.999))

    def __call__(self, photo, anime, gray, edge_gray):
        generated = self.generator(photo)
        d = self.discriminator
        d_loss = 300 * (
            (d(anime) - 1).square().mean()
            + d(generated.detach()).square().mean()
            + d(gray).square().mean()
            + 0.1 * d(edge_gray).square().mean()
        )
        self.d_optimizer.zero_grad()
        d_loss.backward()
        self.d_optimizer.step()

        content = (self.vgg19(photo) - self.vgg19(generated)).abs().mean()
        style = (_gram(self.vgg19(gray)) - _gram(self.vgg19(generated))).abs().mean()
        expected, found = _yuv(photo), _yuv(generated)
        color = (
            (found[0] - expected[0]).abs().mean()
            + F.huber_loss(found[1], expected[1])
            + F.huber_loss(found[2], expected[2])
        )
        g_loss = 1.5 * content + 3 * style + 10 * color + 300 * (d(generated) - 1).square().mean()
        self.g_optimizer.zero_grad()
        g_loss.backward()
        self.g_optimizer.step()
        return g_loss.item()


def _gram(x):
    batch, channels, height, width = x.shape
    x = x.reshape(batch, channels, height * width)
    return x @ x.transpose(1, 2) / (channels * height * width)


def _yuv(x):
    r, g, b = ((x + 1) / 2).unbind(1)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return y, 0.492 * (b - y), 0.877 * (r - y)
